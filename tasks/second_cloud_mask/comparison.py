"""How far a second cloud mask and the scene classification agree."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.classification.classes import SNOW_ICE
from tasks.classification.statistics import CLOUDY_CLASSES

CLASSES: Final = SNOW_ICE + 1


def compare(classes: NDArray[np.uint8], mask: NDArray[np.uint8], valid: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the agreement on clouds, in per cent of the pixels that both know, four decimals.

    Args:
        classes: ``[y, x]`` scene classification 0..11.
        mask: ``[y, x]`` 1 where the second program sees cloud.
        valid: ``[y, x]`` where it had data.

    Returns:
        ``agreement_percentage`` (both cloud or both clear; cloud is classes 8, 9 and 10), ``only_second_percentage``
        and ``only_scl_percentage`` (cloud for one of them), ``cloud_percentage`` of the second mask, and
        ``cloud_by_class``: for each class present, by its number as text, its share and how much of it the second
        mask calls cloud.
    """
    both = valid & (classes != 0)
    counts = np.bincount(2 * classes[both].astype(np.int64) + mask[both], minlength=2 * CLASSES).reshape(CLASSES, 2)
    total = max(int(counts.sum()), 1)
    cloudy = np.isin(np.arange(CLASSES), CLOUDY_CLASSES)
    only_second, only_scl = int(counts[~cloudy, 1].sum()), int(counts[cloudy, 0].sum())
    return {
        "cloud_percentage": _percent(int(counts[:, 1].sum()), total),
        "agreement_percentage": _percent(int(counts.sum()) - only_second - only_scl, total),
        "only_second_percentage": _percent(only_second, total),
        "only_scl_percentage": _percent(only_scl, total),
        "cloud_by_class": {
            str(code): {"share": _percent(int(row.sum()), total), "cloud": _percent(int(row[1]), int(row.sum()))}
            for code, row in enumerate(counts)
            if row.any()
        },
    }


def _percent(part: int, whole: int) -> float:
    return round(100.0 * part / whole, 4)
