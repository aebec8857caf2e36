"""Independent reference: direct 6SV runs at random points, one run per point and band.

``python -m tasks.radiative_transfer.build.reference --out FILE.csv [--points 40] [--platform S2A] [--seed 1]``. The
columns are those of ``sen2flow rt`` with the 6SV results behind them; water and ozone are columns above the surface.
``tasks.radiative_transfer.build.compare`` sets the table against such a file.
"""

from __future__ import annotations

import argparse
import csv
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import BANDS
from tasks.radiative_transfer.build import sixs
from tasks.radiative_transfer.build.responses import all_responses

WATER_SHARE = {0.0: 1.0, 0.5: 0.808, 1.0: 0.647, 1.5: 0.511, 2.0: 0.399, 2.5: 0.308, 3.0: 0.236}
"""Share of the US-62 water column above a height [km]; the heights of the points."""

_OZONE_LOSS_PER_KM = 0.0072
Point = dict[str, float]
Row = dict[str, str | float]


def random_points(count: int, seed: int) -> list[Point]:
    """Return points off the table's nodes inside the range of the accuracy statement."""
    random = np.random.default_rng(seed)
    return [
        {
            "sza_deg": round(random.uniform(15.0, 75.0), 2),
            "vza_deg": round(random.uniform(0.0, 12.0), 2),
            "raa_deg": round(random.uniform(0.0, 180.0), 1),
            "aot550": round(random.uniform(0.02, 1.0), 3),
            "water_vapour_cm": round(random.uniform(0.3, 5.0), 3),
            "ozone_du": round(random.uniform(250.0, 450.0), 1),
            "elevation_km": float(random.choice(list(WATER_SHARE))),
            "rho_surface": round(random.uniform(0.0, 0.8), 3),
        }
        for _ in range(count)
    ]


def scene_of(point: Point, response: NDArray[np.float64], kind: str, version: str) -> sixs.Scene:
    """Return the run of a point: its columns above the surface become those above sea level that 6S asks for.

    Args:
        point: as ``random_points`` makes them; its height is one of ``WATER_SHARE``.
        response: ``[2, n]`` wavelengths [nm] and response of the band, every 2.5 nm.
        kind: standard aerosol, a name of ``sixs.AEROSOL_TYPES``.
        version: of 6SV.
    """
    height = point["elevation_km"]
    wavelength, values = response
    return sixs.Scene(
        sun_zenith=point["sza_deg"],
        view_zenith=point["vza_deg"],
        relative_azimuth=point["raa_deg"],
        water=point["water_vapour_cm"] / WATER_SHARE[height],
        ozone=point["ozone_du"] / 1000.0 / (1.0 - _OZONE_LOSS_PER_KM * height),
        aerosol=sixs.aerosol_lines(kind, point["aot550"]),
        spectrum=sixs.filter_lines(wavelength[0] / 1000.0, values),
        height_km=height,
        reflectance=point["rho_surface"],
        version=version,
    )


def evaluate(point: Point, platform: str, kind: str, version: str) -> list[Row]:
    """Return one row per band."""
    responses = all_responses()
    rows: list[Row] = []
    for band in BANDS:
        scene = scene_of(point, responses[f"{platform}_{band}"], kind, version)
        rows.append({"platform": platform, "band": band, **point, **sixs.band_result(sixs.run(scene))})
    return rows


def main() -> None:
    """Run and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--platform", choices=("S2A", "S2B"), default="S2A")
    parser.add_argument("--aerosol", choices=tuple(sixs.AEROSOL_TYPES), default="continental")
    parser.add_argument("--version", choices=("2.1", "1.1"), default="2.1", help="of 6SV")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    work = partial(evaluate, platform=arguments.platform, kind=arguments.aerosol, version=arguments.version)
    with get_context("spawn").Pool(arguments.processes) as pool:
        rows = [row for part in pool.imap(work, random_points(arguments.points, arguments.seed)) for row in part]
    with arguments.out.open("w", newline="", encoding="ascii") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
