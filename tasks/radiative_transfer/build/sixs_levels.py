"""The vertical levels on which 6SV mixes molecules and aerosol, and what they do to its result.

6SV mixes molecules and aerosol on 30 levels and joins the mixture between two levels by a straight line in optical
depth. The share of the molecules is 1 at the top and falls off steeply below, so that the line holds more of them than
there are: as soon as aerosol is ten times thicker. A step over which the share falls too far is halved: by more than
75 % in version 1.1, by more than 95 % in 2.1 (at 865 nm, SZA 40, VZA 5, RAA 90 its path reflectance exceeds that of 1.1
by 38e-4 at an AOT of 1.8 and by 16e-4 at 2.0: falls of 94.96 and 95.5 %). In B8A at an AOT of 1 the levels of 2.1 hold
33 % too many molecules, those of 1.1 4 %.
For fluxes 6SV drops the scattering of molecules thinner than 0.001 (B12, B11 over high ground) when there is aerosol,
but not their extinction: they absorb.

This is an error of 6SV. The table emulates it for the types ``grid.SIXS_AEROSOLS``, which serve the comparison with
6SV; the aerosols of production have exponential profiles. ``python -m tasks.radiative_transfer.build.sixs_levels
FILE.csv [--version 2.1]`` writes its size into a file of 6SV runs: the difference of two DISORT solutions, on those
levels and on the exponential profiles, with which ``compare --without-levels`` takes the levels off again.
"""

from __future__ import annotations

import argparse
import csv
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from tasks.radiative_transfer.atmosphere import pressure_from_height
from tasks.radiative_transfer.build import grid, sixs
from tasks.radiative_transfer.build.aerosols import sample_6s
from tasks.radiative_transfer.build.solver import AerosolOptics, scatter_layers

Float = NDArray[np.float64]
Row = dict[str, str]

TERMS = ("path", "transmittance_down", "transmittance_up", "spherical_albedo")
WAVELENGTHS_UM: dict[str, tuple[tuple[float, float], ...]] = {
    **{"B01": ((0.443, 1.0),), "B02": ((0.492, 1.0),), "B03": ((0.56, 1.0),), "B04": ((0.665, 1.0),)},
    **{"B05": ((0.705, 1.0),), "B06": ((0.74, 1.0),), "B07": ((0.783, 1.0),), "B08": ((0.833, 1.0),)},
    **{"B8A": ((0.865, 1.0),), "B11": ((1.536, 0.343), (1.65, 0.657)), "B12": ((1.95, 0.157), (2.25, 0.843))},
}
"""Wavelengths and weights per band: its middle; in B11 and B12 the far wavelengths between which 6SV interpolates."""

_TOP_KM = 300.0
_LARGEST_FALL = {"1.1": 0.75, "2.1": 0.95}


def molecular_share(aerosol_depth: float, rayleigh_depth: float, version: str) -> tuple[Float, Float]:
    """Return ``[31]`` optical depths of the levels, top down, and the molecules' share of extinction at them."""

    def parts(height_km: float) -> tuple[float, float]:
        return (
            rayleigh_depth * float(np.exp(-height_km / grid.RAYLEIGH_SCALE_HEIGHT_KM)),
            aerosol_depth * float(np.exp(-height_km / grid.AEROSOL_SCALE_HEIGHT_KM)),
        )

    def share_at(depth: float) -> float:
        height = brentq(lambda height: sum(parts(height)) - depth, 0.0, _TOP_KM) if depth < total else 0.0
        rayleigh, aerosol = parts(height)
        local = rayleigh / grid.RAYLEIGH_SCALE_HEIGHT_KM
        return local / (local + aerosol / grid.AEROSOL_SCALE_HEIGHT_KM)

    total = aerosol_depth + rayleigh_depth
    depths, shares = [0.0], [1.0]
    for level in range(1, grid.SIXS_LEVELS + 1):
        step = (total - depths[-1]) / (grid.SIXS_LEVELS - level + 1)
        share = share_at(depths[-1] + step)
        while 1.0 - share / shares[-1] > _LARGEST_FALL[version]:
            step /= 2.0
            share = share_at(depths[-1] + step)
        depths.append(depths[-1] + step)
        shares.append(share)
    return np.array(depths), np.array(shares)


def layers(aerosol_depth: float, rayleigh_depth: float, version: str, per_step: int = 2) -> tuple[Float, Float]:
    """Return optical depths of molecules and aerosol in thin layers of the mixture that 6SV solves, top down.

    Each step between two levels has ``per_step`` layers with the mean of its part of the straight line.
    """
    depths, shares = molecular_share(aerosol_depth, rayleigh_depth, version)
    count = depths.size - 1
    borders = np.interp(np.arange(count * per_step + 1) / per_step, np.arange(count + 1), depths)
    share = np.interp((borders[1:] + borders[:-1]) / 2.0, depths, shares)
    thickness = np.diff(borders)
    return share * thickness, (1.0 - share) * thickness


def effect(
    optics: AerosolOptics, rayleigh_depth: float, aot550: float, angles_deg: tuple[float, float, float], version: str
) -> dict[str, float]:
    """Return what the levels of 6SV add to path reflectance, transmittances and spherical albedo (no gas).

    Args:
        optics: the aerosol at this wavelength.
        rayleigh_depth: of the air above the surface.
        aot550: aerosol optical thickness at 550 nm.
        angles_deg: sun zenith, view zenith, relative azimuth.
        version: of 6SV, ``1.1`` or ``2.1``.
    """
    aerosol_depth = optics.extinction * aot550
    smooth = (
        rayleigh_depth * grid.layer_fractions(grid.RAYLEIGH_SCALE_HEIGHT_KM),
        aerosol_depth * grid.layer_fractions(grid.AEROSOL_SCALE_HEIGHT_KM),
    )
    exact = scatter_layers(*smooth, optics, *angles_deg)
    path, *fluxes = scatter_layers(*layers(aerosol_depth, rayleigh_depth, version), optics, *angles_deg)
    if rayleigh_depth <= grid.SIXS_THINNEST_MOLECULES:
        _, down, up, albedo = scatter_layers(0.0 * smooth[0], smooth[1], optics, *angles_deg)
        left = np.exp(-rayleigh_depth / np.cos(np.radians(angles_deg[:2])))
        fluxes = [down * float(left[0]), up * float(left[1]), albedo]
    return {name: a - b for name, a, b in zip(TERMS, (path, *fluxes), exact, strict=True)}


def complete(row: Row, optics: dict[float, AerosolOptics], version: str) -> Row:
    """Return the row with the effect in the columns ``levels_*``; 0 in the water vapour bands."""
    pressure = float(pressure_from_height(float(row["elevation_km"])))
    angles = float(row["sza_deg"]), float(row["vza_deg"]), float(row["raa_deg"])
    added = dict.fromkeys(TERMS, 0.0)
    for wavelength, weight in WAVELENGTHS_UM.get(row["band"], ()):
        molecules = float(grid.rayleigh_optical_depth(np.array(wavelength))) * pressure
        found = effect(optics[wavelength], molecules, float(row["aot550"]), angles, version)
        added = {name: value + weight * found[name] for name, value in added.items()}
    return row | {f"levels_{name}": f"{value:.6f}" for name, value in added.items()}


def main() -> None:
    """Add the columns to each file, in place."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--aerosol", choices=tuple(sixs.AEROSOL_TYPES), default="continental")
    parser.add_argument("--version", choices=tuple(_LARGEST_FALL), default="2.1", help="of 6SV")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    wavelengths = [wavelength for parts in WAVELENGTHS_UM.values() for wavelength, _ in parts]
    with get_context("spawn").Pool(arguments.processes) as pool:
        optics = dict(zip(wavelengths, pool.map(partial(sample_6s, kind=arguments.aerosol), wavelengths), strict=True))
    add = partial(complete, optics=optics, version=arguments.version)
    for path in arguments.files:
        with path.open(newline="", encoding="ascii") as stream:
            rows = list(csv.DictReader(stream))
        with get_context("spawn").Pool(arguments.processes) as pool:
            rows = pool.map(add, rows, chunksize=13)
        temporary = path.with_suffix(".part.csv")
        with temporary.open("w", newline="", encoding="ascii") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        temporary.replace(path)


if __name__ == "__main__":
    main()
