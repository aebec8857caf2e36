"""Spectral response of a band, as Level-1C metadata give it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SpectralResponse:
    """Relative response sampled on an even wavelength grid.

    Attributes:
        wavelength_nm: ``[n]`` ascending [nm].
        values: ``[n]`` relative response, >= 0, not all zero; the scale does not matter.
    """

    wavelength_nm: NDArray[np.float64]
    values: NDArray[np.float64]

    @property
    def centre_nm(self) -> float:
        """Centroid of the response [nm]."""
        return float(np.sum(self.wavelength_nm * self.values) / np.sum(self.values))
