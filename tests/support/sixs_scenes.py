"""Writes ``tests/closure/data/sixs_scenes.csv``: direct 6SV runs of whole scenes (needs the builder's packages).

``make table-tools``, then ``python tests/support/sixs_scenes.py FILE`` (1760 runs, 1000 CPU seconds). Each scene is one
atmosphere inside the limits of the accuracy statement (AOT 0.05-0.8, sun 20-70 degrees, 0-2 km, water vapour 0.3-5 cm),
seen by S2A or S2B in turn, over three kinds of ground; nothing of the shipped table takes part:

- ``vegetation``: dark vegetation, red half as bright as 2.2 um (B04, B12);
- ``material``: drawn land covers, each with a random level and tilt (B8A, B09, B11);
- ``grey``: two reflectances in each band, spread evenly over 0-0.6 (all bands but B10).
"""

from __future__ import annotations

import csv
import sys
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy.stats import qmc

from tasks.common.bands import BANDS

SCENES, MATERIALS, GREYS = 40, 6, 2
HEIGHTS_KM = (0.0, 0.5, 1.0, 1.5, 2.0)
GREY_BANDS = tuple(band for band in BANDS if band != "B10")
WINDOWS = {"B8A": 0.865, "B09": 0.945, "B11": 1.610}
STATE = ("sza_deg", "vza_deg", "raa_deg", "aot550", "water_vapour_cm", "ozone_du", "elevation_km")
LOW = (20.0, 0.0, 0.0, 0.05, 0.3, 250.0, 0.0)
HIGH = (70.0, 12.0, 180.0, 0.8, 5.0, 450.0, 5.0)
DARK = {"burn scar": (0.080, 0.086, 0.13), "basalt": (0.055, 0.056, 0.065), "wet peat": (0.090, 0.094, 0.105)}
"""Dark ground in the bands of ``WINDOWS``, beside the covers of ``labelled_spectra``."""

Sample = tuple[str, str, float]


def materials() -> dict[str, tuple[float, float, float]]:
    """Return the reflectance of land covers in the bands of ``WINDOWS``."""
    from labelled_spectra import surfaces

    places = [BANDS.index(band) for band in WINDOWS]
    land = {name: spectrum for name, (code, spectrum) in surfaces().items() if code in (4, 5)}
    return {name: tuple(spectrum[i] for i in places) for name, spectrum in land.items()} | DARK


def scenes(random: np.random.Generator) -> list[dict[str, float]]:
    """Return the atmospheres, evenly spread."""
    draws = qmc.scale(qmc.LatinHypercube(len(STATE), rng=random).random(SCENES), LOW, HIGH)
    states = [{name: round(float(value), 3) for name, value in zip(STATE, draw, strict=True)} for draw in draws]
    return [state | {"elevation_km": HEIGHTS_KM[int(state["elevation_km"])]} for state in states]


def samples(random: np.random.Generator) -> list[list[Sample]]:
    """Return for each scene what is seen: kind of ground, band, surface reflectance."""
    known = list(materials().items())
    greys = {band: (random.permutation(SCENES * GREYS) + 0.5) / (SCENES * GREYS) * 0.6 for band in GREY_BANDS}
    seen: list[list[Sample]] = []
    for scene in range(SCENES):
        swir = float(random.uniform(0.015, 0.05))
        ground: list[Sample] = [("vegetation", "B04", 0.5 * swir), ("vegetation", "B12", swir)]
        for number in random.choice(len(known), MATERIALS, replace=False):
            name, spectrum = known[number]
            level, tilt = random.normal(0.0, 0.15), random.normal(0.0, 0.1)
            for (band, wavelength), rho in zip(WINDOWS.items(), spectrum, strict=True):
                ground.append((name, band, float(rho * np.exp(level + tilt * np.log(wavelength / 0.865)))))
        for band in GREY_BANDS:
            ground += [("grey", band, float(rho)) for rho in greys[band][scene::SCENES]]
        seen.append([(kind, band, round(min(rho, 0.8), 5)) for kind, band, rho in ground])
    return seen


def run(state: dict[str, float], platform: str, sample: Sample) -> float:
    """Return the top-of-atmosphere reflectance of one 6SV run."""
    from tasks.radiative_transfer.build import sixs
    from tasks.radiative_transfer.build.reference import scene_of
    from tasks.radiative_transfer.build.responses import all_responses

    _, band, rho = sample
    point = state | {"rho_surface": rho}
    scene = scene_of(point, all_responses()[f"{platform}_{band}"], "continental", "2.1")
    return sixs.band_result(sixs.run(scene))["toa_reflectance"]


def main(path: Path) -> None:
    """Run and write the file."""
    random = np.random.default_rng(2611)
    rows = []
    with get_context("spawn").Pool(2) as pool:
        for number, (state, seen) in enumerate(zip(scenes(random), samples(random), strict=True)):
            platform = ("S2A", "S2B")[number % 2]
            found = pool.map(partial(run, state, platform), seen)
            for (kind, band, rho), toa in zip(seen, found, strict=True):
                rows.append((number, platform, kind, band, *state.values(), rho, f"{toa:.7f}"))
    with path.open("w", newline="", encoding="ascii") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("scene", "platform", "ground", "band", *STATE, "rho_surface", "toa_reflectance"))
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
