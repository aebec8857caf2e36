"""Cirrus of known strength laid over a landscape, and removed again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tasks.cirrus.correction import amplitude, cirrus_reflectance, find_gamma, remove_cirrus
from tasks.surface_reflectance.inversion import Calibration

SHAPE = (120, 150)
CALIBRATION = Calibration(-1000.0, 10000.0)


def wisps(strength: float) -> np.ndarray:
    """Return B10 reflectance: clear air of 0.003 and a smooth veil."""
    field = gaussian_filter(np.random.default_rng(1).standard_normal(SHAPE), 12.0, mode="wrap")
    return (0.003 + strength * np.clip(field / field.max(), 0, 1)).astype(np.float32)


def ground(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.08, 0.12, SHAPE).astype(np.float32)


@pytest.mark.parametrize("gamma", [0.6, 0.75, 0.9, 1.0])
def test_gamma_is_found(gamma: float) -> None:
    b10 = wisps(0.08)
    cirrus = cirrus_reflectance(b10, np.ones(SHAPE, np.bool_))
    visible = {band: ground(k) + b10 / gamma for k, band in enumerate(("B01", "B02", "B03"))}
    assert find_gamma(visible, cirrus, np.full(SHAPE, 5, np.uint8)) == pytest.approx(gamma, abs=0.051)


def test_cirrus_is_removed_to_the_level_of_clear_ground() -> None:
    b10 = wisps(0.05)
    clear = ground(9)
    seen = clear + b10 / 0.8
    dn = np.floor(seen * 10000 + 1000.5).astype(np.uint16)
    dn[0, :5], dn[1, :5] = 0, 65535
    out = np.zeros_like(dn)
    cirrus = cirrus_reflectance(b10, np.ones(SHAPE, np.bool_))
    remove_cirrus(dn, 60, cirrus, amplitude("B02", 0.49, 0.8), CALIBRATION, out)
    error = ((out - 1000.0) / 10000.0 - clear)[3:]
    assert np.abs(error).max() < 1e-3
    assert not out[0, :5].any()
    assert (out[1, :5] == 65535).all()


def test_amplitudes() -> None:
    assert amplitude("B11", 1.61, 0.8) == pytest.approx(0.5 / 0.8)
    assert amplitude("B04", 0.665, 0.8) == pytest.approx(1 / 0.8)
    assert 0.9 / 0.8 < amplitude("B09", 0.945, 0.8) < 1 / 0.8


def test_clear_air_and_no_cirrus() -> None:
    nothing = cirrus_reflectance(np.full(SHAPE, 0.0008, np.float32), np.ones(SHAPE, np.bool_))
    assert not nothing.any()
    assert find_gamma({"B02": ground(1)}, nothing, np.full(SHAPE, 5, np.uint8)) is None
    veil = np.full(SHAPE, 0.03, np.float32)
    assert find_gamma({"B02": ground(1)}, veil, np.full(SHAPE, 5, np.uint8)) == 1.0
