"""How the retrieved water vapour column answers to errors of what it is read from.

The retrieval (:mod:`tasks.water_vapour.apda`) looks for the column ``U`` at which the ground of B09, taken from B8A and
B11, shows what B09 shows::

    m(U, A, rho(A, e_8A, e_11)) = rho_toa09 (1 + e_09)

with ``m`` the forward model of B09, ``A`` the AOT and ``e`` relative errors of the signals. The answers are those of
the implicit function, ``dU/dx = -(dm/dx) / (dm/dU)``, by finite differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.radiative_transfer.atmosphere import surface_reflectance, toa_reflectance
from tasks.surface_reflectance.coarse import Float32
from tasks.surface_reflectance.scene import Scene

WINDOW: Final = "B8A"
ABSORPTION: Final = "B09"
BEYOND: Final = "B11"

_SMALLEST_COLUMN_CM = 0.05
_STEP: Final = 0.02
"""Relative step of column, signals and ground."""
_AOT_STEP: Final = 0.02
_DARKEST: Final = 0.05
"""Ground darker than this hardly says anything about the column, and the map takes its neighbours' there."""


@dataclass(frozen=True, eq=False)
class ColumnAnswers:
    """Changes of the column [cm]; all fields ``[ny, nx]`` on the coarse nodes.

    Attributes:
        signal: with a relative change of the signal, by band.
        aot550: with the AOT.
        ratio: with a relative change of B09 over B8A, by the ground or by noise.
    """

    signal: dict[str, Float32]
    aot550: Float32
    ratio: Float32


def column_answers(
    scene: Scene, aot550: Float32, water_cm: Float32, window: Float32, beyond: Float32, share: float
) -> ColumnAnswers:
    """Return the answers of the retrieved column.

    Args:
        scene: with the bands B8A, B09 and B11.
        aot550, water_cm: ``[ny, nx]``.
        window, beyond: ``[ny, nx]`` surface reflectance of B8A and B11.
        share: where B09 lies between B8A (0) and B11 (1).
    """
    column = np.maximum(water_cm, np.float32(_SMALLEST_COLUMN_CM))
    atmospheres = {band: scene.atmosphere(band) for band in (WINDOW, ABSORPTION, BEYOND)}
    truth = {WINDOW: np.maximum(window, np.float32(_DARKEST)), BEYOND: np.maximum(beyond, np.float32(0.0))}
    toa = {band: toa_reflectance(atmospheres[band].terms(aot550, column), rho) for band, rho in truth.items()}

    def modelled(
        changed: dict[str, float], aot_step: float = 0.0, column_step: float = 0.0, ground: float = 0.0
    ) -> Float32:
        """Return B09 as the retrieval expects it from changed signals of the windows and in a changed atmosphere."""
        aot = aot550 + np.float32(aot_step)
        near, far = (
            surface_reflectance(
                atmospheres[band].terms(aot, column), toa[band] * np.float32(1.0 + changed.get(band, 0.0))
            )
            for band in (WINDOW, BEYOND)
        )
        rho = (near + np.float32(share) * np.maximum(far - near, 0.0)) * np.float32(1.0 + ground)
        terms = atmospheres[ABSORPTION].terms(aot, column * np.float32(1.0 + column_step))
        return np.asarray(toa_reflectance(terms, rho), np.float32)

    as_it_is = modelled({})

    def answer(changed: Float32, step: float) -> Float32:
        return np.asarray((as_it_is - changed) / (np.float32(step) * fall), np.float32)

    fall = np.minimum((modelled({}, column_step=_STEP) - as_it_is) / (column * np.float32(_STEP)), np.float32(-1e-6))
    signal = {band: answer(modelled({band: _STEP}), _STEP) for band in (WINDOW, BEYOND)}
    signal[ABSORPTION] = np.asarray(as_it_is / fall, np.float32)
    by_aot = answer(modelled({}, aot_step=_AOT_STEP), _AOT_STEP)
    return ColumnAnswers(signal, by_aot, answer(modelled({}, ground=_STEP), _STEP))
