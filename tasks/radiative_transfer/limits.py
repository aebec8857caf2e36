"""Which inputs lie outside the table. The table clamps them; a stage records that as a fall-back."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from tasks.common.errors import InternalInconsistency

LIMITS: Final[dict[str, tuple[float, float]]] = {
    "sun_zenith_deg": (0.0, 80.0),
    "view_zenith_deg": (0.0, 15.0),
    "aot550": (0.0, 2.6),
    "height_km": (-0.4, 6.08),
    "water_vapour_cm": (0.0, 7.0),
    "ozone_du": (0.0, 1000.0),
}
"""Range of every input of the shipped table; the relative azimuth has none."""


CLAMPED_CODE: Final = "L2A-RT-CLAMPED"
"""Fall-back of a stage whose inputs leave the table."""

SUN_LIMIT_CODE: Final = "L2A-RT-SUN-LIMIT"
"""Fall-back of a stage that corrects a low sun as if it stood at Sen2Cor's limit."""

SEN2COR_SUN_ZENITH_DEG: Final = 70.0
"""The largest sun zenith angle of Sen2Cor's tables, to which it sets a lower sun."""


def clamped_inputs(**inputs: ArrayLike) -> tuple[str, ...]:
    """Return one line per input that leaves the table's range and is therefore clamped; empty when all is inside.

    Args:
        inputs: scalars or arrays by the names of ``LIMITS``; NaN counts as inside.

    Raises:
        InternalInconsistency: an input has no range.
    """
    lines = []
    for name, values in inputs.items():
        if name not in LIMITS:
            raise InternalInconsistency(f"radiative transfer has no input {name}: it has {', '.join(LIMITS)}")
        low, high = LIMITS[name]
        array = np.asarray(values)
        valid = array[np.isfinite(array)]
        if valid.size and (valid.min() < low or valid.max() > high):
            lines.append(f"{name} {valid.min():.4g} to {valid.max():.4g} clamped to {low:g} to {high:g}")
    return tuple(lines)
