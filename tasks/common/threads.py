"""How many threads OpenCV and the JPEG 2000 coder of GDAL may use: ``Nr_Threads`` of L2A_GIPP.xml.

The number belongs to the process, as it does in these libraries; no result depends on it.
"""

from __future__ import annotations

import os
from typing import Final, Literal

import cv2

THREADS_OF_ENCODER: Final = 2
"""Threads that encode an image unless ``Nr_Threads`` is a number; more gain little."""

_OPENCV_AUTO: Final = cv2.getNumThreads()


class _Limit:
    """The number in force, None for AUTO."""

    number: int | None = None


def use_threads(number: int | Literal["AUTO"]) -> None:
    """Let the libraries use ``number`` threads from now on, or what they choose themselves (AUTO)."""
    _Limit.number = None if number == "AUTO" else number
    cv2.setNumThreads(_OPENCV_AUTO if _Limit.number is None else _Limit.number)


def decoder_threads() -> str:
    """Return GDAL_NUM_THREADS for decoding: AUTO is the environment's, or all processors."""
    return os.environ.get("GDAL_NUM_THREADS", "ALL_CPUS") if _Limit.number is None else str(_Limit.number)


def encoder_threads() -> str:
    """Return GDAL_NUM_THREADS for encoding."""
    return str(_Limit.number or THREADS_OF_ENCODER)
