"""Surface reflectance spectra of common land covers at the thirteen bands.

The values are typical of library spectra (ECOSTRESS / USGS spectral library classes: conifer and deciduous canopy, crop
canopy, mollisol and sandy soils, senesced grass, construction materials, quartz sand, coarse granular snow; open and
coastal water as in ocean-colour literature), rounded by hand. They are no measurement of one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import BANDS


class Cover(IntEnum):
    """Land covers of a simulated scene; the values are those of the truth map."""

    CONIFER = 1
    DECIDUOUS = 2
    CROP_DENSE = 3
    CROP_SPARSE = 4
    SOIL_DARK = 5
    SOIL_BRIGHT = 6
    DRY_GRASS = 7
    URBAN = 8
    SAND = 9
    WATER_TURBID = 10
    WATER_CLEAR = 11
    SNOW = 12


@dataclass(frozen=True)
class CoverSpectrum:
    """One cover's mean spectrum and how much places of that cover differ.

    Attributes:
        reflectance: in the order of ``BANDS``, 0..1.
        brightness_spread: relative standard deviation of the brightness, common to all bands.
        slope_spread: standard deviation of the relative change from 443 to 2200 nm.
        scene_class: the class an ideal scene classification gives it (4 vegetation, 5 bare, 6 water, 11 snow).
    """

    reflectance: tuple[float, ...]
    brightness_spread: float
    slope_spread: float
    scene_class: int


# fmt: off
SPECTRA: Final[dict[Cover, CoverSpectrum]] = {
    #                                B01   B02    B03   B04   B05   B06   B07   B08   B8A   B09   B10   B11   B12
    Cover.CONIFER: CoverSpectrum(
        (.008, .010, .025, .020, .042, .125, .160, .170, .180, .180, .110, .085, .040), .12, 0.0, 4),
    Cover.DECIDUOUS: CoverSpectrum(
        (.014, .0175, .055, .035, .085, .280, .360, .375, .390, .390, .270, .175, .070), .08, 0.0, 4),
    Cover.CROP_DENSE: CoverSpectrum(
        (.025, .030, .070, .050, .110, .350, .440, .460, .470, .470, .360, .240, .130), .08, .05, 4),
    Cover.CROP_SPARSE: CoverSpectrum(
        (.045, .055, .090, .085, .140, .250, .290, .310, .320, .320, .270, .290, .200), .08, .05, 4),
    Cover.SOIL_DARK: CoverSpectrum(
        (.060, .075, .105, .135, .155, .170, .180, .195, .205, .210, .230, .270, .230), .10, .08, 5),
    Cover.SOIL_BRIGHT: CoverSpectrum(
        (.100, .130, .190, .250, .280, .300, .320, .340, .350, .360, .380, .430, .390), .08, .06, 5),
    Cover.DRY_GRASS: CoverSpectrum(
        (.060, .080, .120, .160, .200, .230, .250, .270, .290, .300, .290, .360, .270), .08, .06, 5),
    Cover.URBAN: CoverSpectrum(
        (.100, .115, .130, .145, .155, .165, .170, .180, .185, .190, .190, .200, .185), .20, .08, 5),
    Cover.SAND: CoverSpectrum(
        (.160, .200, .270, .330, .360, .380, .400, .420, .430, .430, .430, .500, .460), .06, .04, 5),
    Cover.WATER_TURBID: CoverSpectrum(
        (.055, .065, .090, .070, .055, .022, .021, .016, .012, .009, .003, .003, .002), .10, 0.0, 6),
    Cover.WATER_CLEAR: CoverSpectrum(
        (.030, .025, .014, .005, .004, .003, .003, .002, .002, .002, .001, .001, .001), .05, 0.0, 6),
    Cover.SNOW: CoverSpectrum(
        (.900, .900, .900, .890, .880, .870, .850, .830, .820, .800, .300, .120, .080), .03, .02, 11),
}
# fmt: on

DARK_VEGETATION: Final = (Cover.CONIFER, Cover.DECIDUOUS)
"""Covers with red = 0.5 B12 and blue = 0.5 red in every pixel, the relation of the dark-dense-vegetation method."""

USUAL_RATIO: Final = 0.5
"""Red over B12 of those covers."""

_WAVELENGTH_UM: Final = np.array(
    [0.443, 0.490, 0.560, 0.665, 0.705, 0.740, 0.783, 0.842, 0.865, 0.945, 1.375, 1.610, 2.190]
)


def _table(field: str) -> NDArray[np.float32]:
    values = np.zeros(max(Cover) + 1, np.float32)
    for cover, spectrum in SPECTRA.items():
        values[cover] = getattr(spectrum, field)
    return values


def scene_class_table() -> NDArray[np.uint8]:
    """Return the scene class by cover value."""
    return _table("scene_class").astype(np.uint8)


def surface_reflectance_of(
    band: str, cover: NDArray[np.uint8], brightness: NDArray[np.float32], slope: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the surface reflectance of one band.

    Args:
        band: band name.
        cover: ``[y, x]`` values of ``Cover``.
        brightness: standard normal deviate of the brightness, ``[y, x]``; the same for all bands.
        slope: standard normal deviate of the spectral slope, ``[y, x]``; the same for all bands.

    Returns:
        ``[y, x]`` float32, 0.0005..1. The deviates are limited to +-2.5. Covers of ``DARK_VEGETATION`` only change in
        brightness, which keeps the ratios of their bands.
    """
    index = BANDS.index(band)
    mean = np.zeros(max(Cover) + 1, np.float32)
    for kind, spectrum in SPECTRA.items():
        mean[kind] = spectrum.reflectance[index]
    position = np.float32(_slope_position(index))
    factor = 1.0 + _table("brightness_spread")[cover] * np.clip(brightness, -2.5, 2.5)
    factor *= 1.0 + _table("slope_spread")[cover] * position * np.clip(slope, -2.5, 2.5)
    reflectance: NDArray[np.float32] = np.clip(mean[cover] * factor, 0.0005, 1.0).astype(np.float32, copy=False)
    return reflectance


def _slope_position(index: int) -> float:
    """Return where a band lies between 443 (-0.5) and 2190 nm (0.5) on a logarithmic scale."""
    logarithm = np.log(_WAVELENGTH_UM)
    return float((logarithm[index] - logarithm[0]) / (logarithm[-1] - logarithm[0]) - 0.5)
