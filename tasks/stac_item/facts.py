"""What a finished product says of itself, as far as its STAC item needs it."""

from __future__ import annotations

from datetime import datetime

from tasks.common.grid import Grid
from tasks.common.records import Fallback, Record

Position = tuple[float, float]
"""Longitude and latitude in WGS 84 [degrees]."""

Ring = tuple[Position, ...]
"""An outline; its first position is its last one too."""


class FileFacts(Record):
    """One file of the product, as its manifest has it."""

    path: str
    """Relative to the product's folder, with slashes."""
    size: int
    """Bytes."""
    multihash: str
    """Its checksum as a multihash in lower-case hexadecimal digits (file extension 2.1, multiformats)."""


class BandFacts(Record):
    """Scaling and spectrum of one band."""

    offset: float = 0.0
    """Reflectance of digital number 0."""
    centre_um: float | None = None
    width_um: float | None = None
    """Full width at half maximum of the spectral response."""


class GranuleFacts(Record):
    """One granule."""

    folder: str
    """Its folder, relative to the product's, with slashes."""
    mgrs_tile: str
    tile_id: str
    level_1c_tile_id: str | None
    datastrip_id: str
    absolute_orbit: int
    sensing_time: datetime
    grid: Grid
    """The 10 m grid."""
    sun_zenith_deg: float
    sun_azimuth_deg: float
    view_deg: dict[str, tuple[float, float]]
    """Mean zenith and azimuth of the view by band, azimuth 0..360 clockwise from north."""
    percentages: dict[str, float]
    """Image_Content_QI by element name, 0..100."""
    atmosphere: dict[str, float | str]
    """AOT, water vapour and ozone of Image_Content_QI by element name; empty where the scene was classified only."""


class ProductFacts(Record):
    """One product."""

    name: str
    """Folder name, with ``.SAFE``."""
    spacecraft: str
    """Such as ``Sentinel-2A``."""
    datatake_id: str
    datatake_type: str
    relative_orbit: int
    orbit_direction: str
    product_type: str
    baseline: str
    doi: str | None
    generation_time: datetime
    cloud_percentage: float
    reflectance_conversion: float | None
    quantification: float
    """Digital numbers of reflectance 1."""
    aot_quantification: float
    wvp_quantification: float
    """Digital numbers of AOT 1, and of 1 cm of water vapour."""
    bands: dict[str, BandFacts]
    dem_type: str | None
    look_up_tables: tuple[str, ...]
    software: tuple[str, str] | None
    """Name and version of the processor; None where the quality report does not say."""
    footprint: Ring | None
    """Outline in the product metadata; None where there is none or it is no outline."""
    granules: tuple[GranuleFacts, ...]
    files: tuple[FileFacts, ...]
    fallbacks: tuple[Fallback, ...] = ()
    """Every documented substitute, once each, in the order of processing."""
