"""The typed description from which a Level-1C product's names and metadata are built."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import BANDS
from tasks.common.errors import InvalidInput
from tasks.common.grid import Grid
from tasks.common.spectral import SpectralResponse
from tasks.l1c.model import AngleGrid

RASTER_MASKS_SINCE: Final = (4, 0)
"""First baseline with JP2 masks, radiometric offset and product DOI (PSD 14.8)."""

OFFSET_DN: Final = -1000
"""RADIO_ADD_OFFSET of every band since baseline 04.00."""

QUANTIFICATION: Final = 10000
"""DN per unit of reflectance."""


@dataclass(frozen=True, eq=False)
class ProductDescription:
    """What the metadata of one Level-1C product with one granule say.

    Attributes:
        spacecraft: ``S2A`` | ``S2B`` | ``S2C``.
        baseline: processing baseline ``dd.dd``.
        centre: four characters of the producing centre in the identifiers.
        mgrs_tile: such as ``18SVG``.
        datatake_start: first time of the product's name (UTC).
        datastrip_start: last field of the granule's folder name (UTC).
        sensing_time: the tile's sensing time (UTC).
        generation_time: the product's discriminator (UTC).
        grid: the 10 m grid; its size is a multiple of 60 m.
        footprint: corners as (latitude, longitude) [deg], closed.
        earth_sun_correction: ``U`` = 1/d2.
        solar_irradiance: per band [W m-2 um-1].
        physical_gains: per band.
        responses: spectral response per band.
        sun: sun angles on nodes.
        view: per band and detector; NaN outside the detector's footprint.
        cloud_percentage, snow_percentage: of the image [%].
        origin: one line that tells where the pixels come from; it goes into the INSPIRE lineage.
    """

    spacecraft: str
    baseline: str
    centre: str
    mgrs_tile: str
    datatake_start: datetime
    datastrip_start: datetime
    sensing_time: datetime
    generation_time: datetime
    relative_orbit: int
    absolute_orbit: int
    grid: Grid
    footprint: tuple[tuple[float, float], ...]
    earth_sun_correction: float
    solar_irradiance: dict[str, float]
    physical_gains: dict[str, float]
    responses: dict[str, SpectralResponse]
    sun: AngleGrid
    view: dict[str, dict[int, AngleGrid]]
    cloud_percentage: float = 0.0
    snow_percentage: float = 0.0
    origin: str = "simulated"
    orbit_direction: str = "DESCENDING"

    def __post_init__(self) -> None:
        """Refuse sizes and baselines that no Level-1C product has."""
        self.grid.at(60)
        parts = self.baseline.split(".")
        if len(parts) != 2 or not all(len(part) == 2 and part.isdigit() for part in parts):
            raise InvalidInput(f"baseline {self.baseline!r}: expected two digits, a point and two digits, as in 05.10")

    @property
    def has_raster_masks(self) -> bool:
        """Whether the baseline is 04.00 or later."""
        major, minor = self.baseline.split(".")
        return (int(major), int(minor)) >= RASTER_MASKS_SINCE

    @property
    def offset_dn(self) -> int:
        """RADIO_ADD_OFFSET; 0 before baseline 04.00."""
        return OFFSET_DN if self.has_raster_masks else 0

    @property
    def psd_host(self) -> str:
        """Host of the metadata namespaces: ``psd-15`` from baseline 05.11, ``psd-14`` before."""
        return "psd-15" if self.baseline >= "05.11" else "psd-14"


@dataclass(frozen=True, eq=False)
class ProductImages:
    """The rasters of one product.

    Attributes:
        bands: DN per band at its native resolution, ``[y, x]`` uint16, 0 = no-data, offset already in.
        detectors: detector number per band at its native resolution, ``[y, x]`` uint8, 0 = outside the swath.
        opaque_cloud, cirrus, snow: ``[y, x]`` uint8 0/1 on the 60 m grid; None = none.
    """

    bands: dict[str, NDArray[np.uint16]]
    detectors: dict[str, NDArray[np.uint8]]
    opaque_cloud: NDArray[np.uint8] | None = None
    cirrus: NDArray[np.uint8] | None = None
    snow: NDArray[np.uint8] | None = None


def _per_band(*values: float) -> dict[str, float]:
    return dict(zip(BANDS, values, strict=True))


_IRRADIANCE_S2A: Final = _per_band(
    1884.69, 1959.66, 1823.24, 1512.06, 1424.64, 1287.61, 1162.08, 1041.63, 955.32, 812.92, 367.15, 245.59, 85.25
)  # fmt: skip
_IRRADIANCE_S2B: Final = _per_band(
    1874.30, 1959.75, 1824.93, 1512.79, 1425.78, 1291.13, 1175.57, 1041.28, 953.93, 817.58, 365.41, 247.08, 87.75
)  # fmt: skip
_GAINS_S2A: Final = _per_band(
    4.103, 3.757, 4.187, 4.521, 5.205, 4.872, 4.535, 6.162, 5.137, 8.535, 55.366, 35.384, 106.455
)
_GAINS_S2B: Final = _per_band(
    3.963, 3.811, 4.221, 4.758, 5.167, 5.069, 4.746, 6.795, 5.737, 9.332, 56.298, 37.132, 108.652
)

SOLAR_IRRADIANCE: Final[dict[str, dict[str, float]]] = {
    "S2A": _IRRADIANCE_S2A, "S2B": _IRRADIANCE_S2B, "S2C": _IRRADIANCE_S2A,
}  # fmt: skip
"""Band solar irradiance at 1 AU [W m-2 um-1] as Level-1C metadata give it; S2C stands on the values of S2A."""

PHYSICAL_GAINS: Final[dict[str, dict[str, float]]] = {"S2A": _GAINS_S2A, "S2B": _GAINS_S2B, "S2C": _GAINS_S2B}
"""Absolute calibration gains of Level-1C metadata; S2C stands on the values of S2B."""


@dataclass(frozen=True)
class ProductNames:
    """Every name of a compact Level-1C product (PSD 14.8, section 3)."""

    product: str
    granule: str
    datastrip: str
    tile_id: str
    datastrip_id: str
    datatake_id: str
    image_stem: str
    granule_path: str = field(default="")
    datastrip_path: str = field(default="")

    @classmethod
    def of(cls, about: ProductDescription) -> ProductNames:
        """Derive all names from the description."""
        datatake, datastrip, generation = (
            f"{time:%Y%m%dT%H%M%S}" for time in (about.datatake_start, about.datastrip_start, about.generation_time)
        )
        platform, tile, number = about.spacecraft, about.mgrs_tile, about.baseline
        granule = f"L1C_T{tile}_A{about.absolute_orbit:06d}_{datastrip}"
        folder = f"DS_{about.centre}_{generation}_S{datastrip}"
        return cls(
            product=f"{platform}_MSIL1C_{datatake}_N{number.replace('.', '')}_R{about.relative_orbit:03d}"
            f"_T{tile}_{generation}.SAFE",
            granule=granule,
            datastrip=folder,
            tile_id=f"{platform}_OPER_MSI_L1C_TL_{about.centre}_{generation}_A{about.absolute_orbit:06d}_T{tile}_N{number}",
            datastrip_id=f"{platform}_OPER_MSI_L1C_DS_{about.centre}_{generation}_S{datastrip}_N{number}",
            datatake_id=f"G{platform}_{datatake}_{about.absolute_orbit:06d}_N{number}",
            image_stem=f"T{tile}_{datatake}",
            granule_path=f"GRANULE/{granule}",
            datastrip_path=f"DATASTRIP/{folder}",
        )
