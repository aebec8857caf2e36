"""Published spectral responses of the instruments, for products that carry none.

ESA, Sentinel-2 Spectral Response Functions, COPE-GSEG-EOPG-TN-15-0007: issue 3.0 (S2A, S2B, every 2.5 nm, from the
package Py6S) and issue 4.0 (S2C, every 1 or 2 nm, where the response exceeds 0.5 %).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import BANDS

_S2C_FILE = Path(__file__).parent / "s2c_response.csv"


def _py6s(platform: str, band: str) -> NDArray[np.float64]:
    from Py6S import PredefinedWavelengths  # slow to import

    _, start_um, _, values = getattr(PredefinedWavelengths, f"{platform}_MSI_{band[1:]}")
    wavelength = np.round(start_um * 1000.0 + 2.5 * np.arange(len(values)), 3)
    return np.stack([wavelength, np.asarray(values, dtype=float)])


def _s2c() -> dict[str, NDArray[np.float64]]:
    """Return the responses of the text file: per line band, first wavelength [nm], step [nm], values x 10000."""
    responses = {}
    for line in _S2C_FILE.read_text(encoding="ascii").splitlines():
        band, start, step, *values = line.split(",")
        wavelength = float(start) + float(step) * np.arange(len(values))
        responses[band] = np.stack([wavelength, np.array(values, dtype=float) / 10000.0])
    return responses


def all_responses() -> dict[str, NDArray[np.float64]]:
    """Return ``[2, n]`` wavelengths [nm] and responses by ``<platform>_<band>``."""
    responses = {f"{platform}_{band}": _py6s(platform, band) for platform in ("S2A", "S2B") for band in BANDS}
    return responses | {f"S2C_{band}": values for band, values in _s2c().items()}


def write_responses(out: Path) -> None:
    """Write the package data file of the default responses."""
    temporary = out.with_suffix(".part.npz")
    arrays: dict[str, Any] = {k: v.astype(np.float32) for k, v in all_responses().items()}
    np.savez_compressed(temporary, **arrays)
    temporary.replace(out)
