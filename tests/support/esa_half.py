"""A real scene with ESA's own class map: Level-1C counts made from the surface reflectance of a Level-2A product.

The northern half of T29UNU (Ireland, 5 October 2022, baseline 04.00, Sen2Cor 2.10) at 60 m, put back through the
atmosphere with the product's own aerosol and water vapour. A Level-2A product has no B10: it is what the water vapour
above the ground lets through of the short-wave infrared, and 0.02 where ESA says cirrus (pixels that no comparison
counts). B08 is not in the 60 m product either; the mean of B07 and B8A stands for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.classification.classify import Surroundings, classify_tile
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.shadow_geometry import SunDirection
from tasks.classification.sweep import DigitalNumberScale
from tasks.radiative_transfer.atmosphere import toa_reflectance
from tasks.radiative_transfer.bands import integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table

FILE: Final = Path(__file__).parents[2].parent / "shared" / "data" / "l2a-T29UNU-PB0400" / "north-half-60m.npz"
SUN_ZENITH, SUN_AZIMUTH = 57.8206, 172.8402
VIEW_ZENITH, VIEW_AZIMUTH = 9.30, 290.40
OZONE_DU, HEIGHT_KM = 321.75, 0.08
LATITUDE, LONGITUDE, MONTH = 53.0, -8.3, 10
CIRRUS_B10 = 0.02
BANDS: Final = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B09", "B11", "B12")
GROUPS: Final = np.array([0, 0, 4, 4, 1, 1, 2, 1, 3, 3, 6, 5], np.uint8)
"""Group of each class: 1 clear land incl. unclassified, 2 water, 3 cloud, 4 shadow, 5 snow, 6 cirrus."""


@dataclass(frozen=True)
class EsaHalf:
    """Level-1C counts at 60 m (offset -1000, 0 = no data) by band, and ESA's classes."""

    numbers: dict[str, NDArray[np.uint16]]
    scl: NDArray[np.uint8]


def load_esa_half(path: Path = FILE) -> EsaHalf:
    """Return the scene; raises ``FileNotFoundError`` where the file is absent."""
    stored = np.load(path)
    scl = stored["SCL"]
    missing = scl == 0
    vapour = np.clip(stored["WVP"] / 1000.0, 0.05, 6.9)
    aot = np.median(stored["AOT"][~missing]) / 1000.0
    tables = integrate_bands(load_spectral_table(), default_responses("S2A"))
    levels = np.linspace(vapour[~missing].min(), vapour[~missing].max(), 40)
    nearest = np.clip(np.searchsorted(levels, vapour), 0, levels.size - 1)
    surface = {band: (stored[band].astype(np.float32) - 1000.0) / 10000.0 for band in BANDS}
    surface["B10"] = (surface["B8A"] + surface["B11"]) / 2
    surface["B08"] = (surface["B07"] + surface["B8A"]) / 2
    numbers = {}
    for band, rho in surface.items():
        geometry = tables.collapse(band, SUN_ZENITH, VIEW_ZENITH, (SUN_AZIMUTH - VIEW_AZIMUTH) % 360.0)
        toa = np.zeros(scl.shape, np.float32)
        for level in np.unique(nearest[~missing]):
            here = nearest == level
            toa[here] = toa_reflectance(geometry.terms(aot, HEIGHT_KM, levels[level], OZONE_DU), rho[here])
        if band == "B10":
            toa[scl == 10] = CIRRUS_B10
        dn = np.clip(np.round(toa * 10000.0 + 1000.0), 1, 65534).astype(np.uint16)
        dn[missing] = 0
        numbers[band] = dn
    return EsaHalf(numbers, scl)


def confusion(esa: NDArray[np.uint8], ours: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return ``[12, 12]`` counts, ESA's class by row."""
    return np.bincount(esa.ravel().astype(np.int64) * 12 + ours.ravel(), minlength=144).reshape(12, 12)


def agreement(esa: NDArray[np.uint8], ours: NDArray[np.uint8]) -> tuple[float, float]:
    """Return the shares of valid pixels that ESA does not call cirrus with the same group and the same class [%]."""
    counted = (esa != 0) & (esa != 10)
    same_group = GROUPS[esa[counted]] == GROUPS[ours[counted]]
    return 100.0 * float(same_group.mean()), 100.0 * float((esa[counted] == ours[counted]).mean())


def main() -> None:
    """Print agreement and confusion matrix of both modes."""
    half = load_esa_half()
    sun = SunDirection(90.0 - SUN_ZENITH, SUN_AZIMUTH)
    around = Surroundings(pixel_m=60.0, sun=sun, snow_possible=False)
    scale = DigitalNumberScale(dict.fromkeys(half.numbers, -1000), 10000.0)
    for classic in (False, True):
        parameters = ClassificationParameters(sc_classic=classic, resolution=60)
        found = classify_tile(half.numbers, scale, parameters, surroundings=around).classes
        group, same = agreement(half.scl, found)
        print(f"\n{'classic' if classic else 'default'}: same group {group:.2f} %, same class {same:.2f} %\n")
        print("| ESA | " + " | ".join(map(str, range(1, 12))) + " |\n|" + " --- |" * 12)
        shares = 100.0 * confusion(half.scl, found) / np.count_nonzero(half.scl)
        for code in range(1, 12):
            if shares[code].any():
                print(f"| {code} | " + " | ".join(f"{share:.2f}" for share in shares[code, 1:]) + " |")


if __name__ == "__main__":
    main()
