"""What the stage ``images`` reads of the configuration."""

from __future__ import annotations

from typing import ClassVar

from tasks.common.records import Record


class PackagingParameters(Record):
    """Options of the product's images, by the names of the GIPP."""

    extras: ClassVar[frozenset[str]] = frozenset({"generate_ddv_output", "generate_dem_output"})

    generate_tci_output: bool = True
    """Write the true-colour images (TCI)."""
    generate_valid_pixel_output: bool = True
    """Write the mask of valid pixels beside the two probabilities."""
    generate_ddv_output: bool = False
    """Write the mask of dark dense vegetation."""
    generate_dem_output: bool = False
    """Write the heights of the elevation model."""
    sc_cog: bool = False
    """Write the scene classification as Cloud Optimized GeoTIFF instead of JP2."""
