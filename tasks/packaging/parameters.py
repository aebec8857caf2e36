"""What the stage ``images`` reads of the configuration."""

from __future__ import annotations

from typing import ClassVar, Literal

from tasks.common.records import Record

FormatName = Literal["JP2", "GTiff", "ENVI"]
"""Formats of the product's images, by the names of GDAL's drivers but for JPEG 2000."""


class PackagingParameters(Record):
    """Options of the product's images, by the names of the GIPP."""

    extras: ClassVar[frozenset[str]] = frozenset({"generate_ddv_output", "generate_dem_output", "image_format"})

    generate_tci_output: bool = True
    """Write the true-colour images (TCI)."""
    generate_valid_pixel_output: bool = True
    """Write the mask of valid pixels beside the two probabilities."""
    generate_ddv_output: bool = False
    """Write the mask of dark dense vegetation."""
    generate_dem_output: bool = False
    """Write the heights of the elevation model."""
    sc_cog: bool = False
    """Write the scene classification as Cloud Optimized GeoTIFF instead of ``image_format``."""
    image_format: FormatName = "JP2"
    """JPEG 2000, GeoTIFF (``--tif``) or ENVI (``--raw``)."""


class TreeParameters(Record):
    """What the stage ``images`` needs to name the images of a product without making them (``--cr_only``)."""

    content_fingerprint: str
    """Of the Level-1C granule; it stands for its content in the key."""
    images: PackagingParameters
    resolutions: tuple[int, ...]
    """Those that the product would have [m]."""
    sc_only: bool = False
