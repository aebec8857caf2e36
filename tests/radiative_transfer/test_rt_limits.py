"""The helper that names clamped inputs, and its agreement with the shipped axes."""

import numpy as np
import pytest

from tasks.common.errors import InternalInconsistency
from tasks.radiative_transfer.atmosphere import LARGEST_OZONE_DU, pressure_from_height
from tasks.radiative_transfer.limits import LIMITS, clamped_inputs
from tasks.radiative_transfer.load import load_spectral_table


def test_inside_is_silent() -> None:
    assert clamped_inputs(sun_zenith_deg=[0.0, 80.0], aot550=np.array([0.1, np.nan]), height_km=-0.1) == ()


def test_outside_is_named() -> None:
    lines = clamped_inputs(sun_zenith_deg=[70.0, 81.5], water_vapour_cm=8.0, ozone_du=300.0)
    assert lines == (
        "sun_zenith_deg 70 to 81.5 clamped to 0 to 80",
        "water_vapour_cm 8 to 8 clamped to 0 to 7",
    )


def test_unknown_input_is_refused() -> None:
    with pytest.raises(InternalInconsistency, match="pressure"):
        clamped_inputs(pressure=1.0)


def test_limits_are_those_of_the_shipped_table() -> None:
    table = load_spectral_table()
    axes = table.axes
    assert LIMITS["sun_zenith_deg"] == (axes.sun_zenith_deg[0], axes.sun_zenith_deg[-1])
    assert LIMITS["view_zenith_deg"] == (axes.view_zenith_deg[0], axes.view_zenith_deg[-1])
    assert LIMITS["aot550"] == (axes.aot550[0], axes.aot550[-1])
    assert LIMITS["water_vapour_cm"][1] == table.gas.water_cm[-1]
    assert LIMITS["ozone_du"][1] == LARGEST_OZONE_DU
    low, high = LIMITS["height_km"]
    assert axes.pressure[0] <= pressure_from_height(high) < axes.pressure[0] + 0.002
    assert axes.pressure[-1] - 0.002 < pressure_from_height(low) <= axes.pressure[-1]
