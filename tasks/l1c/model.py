"""What a Level-1C product says about itself, whatever its baseline: the readers' only output.

Band dictionaries are keyed by the names of ``tasks.common.bands.BANDS``. Angles are degrees; grids are ``[y, x]`` nodes
spaced ``step_m`` from the tile's upper left corner.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.common.grid import Grid
from tasks.common.spectral import SpectralResponse


@dataclass(frozen=True, eq=False)
class AngleGrid:
    """Zenith and azimuth on metadata nodes; NaN where a detector does not see the node."""

    zenith_deg: NDArray[np.float32]
    azimuth_deg: NDArray[np.float32]
    step_m: float


@dataclass(frozen=True)
class MaskFile:
    """One entry of Pixel_Level_QI: mask type (``MSK_QUALIT``, ...), band or None, file path inside the granule."""

    type: str
    band: str | None
    path: Path


@dataclass(frozen=True, eq=False)
class ProductMetadata:
    """The user product's metadata (MTD_MSIL1C.xml or the old S2?_OPER_MTD_SAFL1C file)."""

    path: Path
    product_uri: str
    processing_baseline: str
    """``dd.dd``."""
    psd_host: str
    """Namespace host such as ``psd-14``."""
    spacecraft: str
    """``Sentinel-2A`` | ``Sentinel-2B`` | ``Sentinel-2C`` ..."""
    start_time: str
    stop_time: str
    generation_time: str
    datatake_id: str
    datatake_sensing_start: str
    """ISO time as written, with ``Z``."""
    relative_orbit: int
    orbit_direction: str
    quantification_value: float
    radio_add_offset: dict[str, int]
    """DN offset per band; 0 where the product has none (baseline < 04.00)."""
    nodata: int
    saturated: int
    earth_sun_correction: float
    """``U``, the factor 1/d^2 of the metadata."""
    solar_irradiance: dict[str, float]
    """W m-2 um-1."""
    spectral_responses: dict[str, SpectralResponse]
    """Empty where the product has none."""
    physical_gains: dict[str, float]
    granule_ids: tuple[str, ...]
    datastrip_ids: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class TileMetadata:
    """The granule's metadata (MTD_TL.xml or the old S2?_OPER_MTD_L1C_TL file)."""

    path: Path
    tile_id: str
    datastrip_id: str
    sensing_time: str
    archiving_centre: str
    grid: Grid
    """The 10 m grid."""
    sun: AngleGrid
    mean_sun_zenith_deg: float
    mean_sun_azimuth_deg: float
    view: dict[str, dict[int, AngleGrid]]
    """Per band and detector."""
    mean_view_zenith_deg: dict[str, float]
    mean_view_azimuth_deg: dict[str, float]
    masks: tuple[MaskFile, ...]
    cloud_percentage: float
    degraded_percentage: float


@dataclass(frozen=True, eq=False)
class GranuleSource:
    """One granule and everything that belongs to it, found and checked; nothing decoded yet."""

    product: ProductMetadata
    tile: TileMetadata
    mgrs_tile: str
    """Five characters such as ``18SVG``."""
    absolute_orbit: int
    band_files: dict[str, Path]
    tci_file: Path | None
    pvi_file: Path | None
    datastrip_metadata: Path | None
    """MTD_DS.xml, None where the datastrip was not delivered."""
    aux_files: dict[str, Path] = field(default_factory=dict)
    """``ECMWFT`` and ``CAMSFO`` GRIB files that exist."""
