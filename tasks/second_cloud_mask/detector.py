"""The detector of s2cloudless: from Level-1C counts at 60 m to cloud probability and mask.

s2cloudless (Sinergise; Zupanc 2017, "Improving cloud detection with machine learning") is a gradient-boosting model on
the reflectance of ten bands of one pixel. It knows no class but cloud, and neither terrain nor season: its errors are
others than those of threshold rules, which is what makes it a second opinion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.common.errors import InvalidConfiguration

PACKAGE: Final = "s2cloudless"
BANDS: Final = ("B01", "B02", "B04", "B05", "B08", "B8A", "B09", "B10", "B11", "B12")
"""The model's bands in its order."""

RESOLUTION: Final = 60
STRIP_ROWS: Final = 60
THRESHOLD: Final = 0.4
AVERAGE_OVER: Final = 4
DILATION: Final = 2
"""Threshold, averaging and dilation [pixels of 60 m] that the model's authors give for this resolution."""

Reflectance = NDArray[np.float32]


class Detector(Protocol):
    """The part of ``s2cloudless.S2PixelCloudDetector`` that is used."""

    def get_cloud_probability_maps(self, data: Reflectance) -> NDArray[Any]:
        """Return the probability ``[n, y, x]`` of reflectances ``[n, y, x, 10]``."""

    def get_mask_from_prob(self, cloud_probs: NDArray[Any]) -> NDArray[Any]:
        """Return the mask ``[n, y, x]`` of averaged, cut and dilated probabilities."""


@dataclass(frozen=True, eq=False)
class CloudMask:
    """Probability 0..100 % and mask 0 or 1, ``[y, x]`` uint8 at 60 m, both 0 on no-data; and where data are."""

    probability: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    valid: NDArray[np.bool_]


def require_package() -> None:
    """Do nothing where the package is installed.

    Raises:
        InvalidConfiguration: it is not; the message says how it can be had.
    """
    if find_spec(PACKAGE) is None:
        raise InvalidConfiguration(
            f"<Second_Cloud_Mask> is S2CLOUDLESS, but the Python package {PACKAGE} is not installed: "
            "pip install '.[s2cloudless]' in sen2flow's folder, or set the element to NONE"
        )


def load_detector() -> tuple[Detector, str]:
    """Return the detector with the model that its package ships, and its name with the version.

    Raises:
        InvalidConfiguration: the package is not installed.
    """
    require_package()
    from s2cloudless.cloud_detector import S2PixelCloudDetector  # heavy, and optional

    detector = S2PixelCloudDetector(
        threshold=THRESHOLD, average_over=AVERAGE_OVER, dilation_size=DILATION, all_bands=False
    )
    return detector, f"{PACKAGE} {version(PACKAGE)}"


def block_means(values: NDArray[np.uint16], factor: int) -> tuple[Reflectance, NDArray[np.bool_]]:
    """Return the mean counts of blocks of ``factor`` x ``factor`` pixels, and where all of a block has data."""
    rows, cols = values.shape[0] // factor, values.shape[1] // factor
    blocks = np.asarray(values).reshape(rows, factor, cols, factor)
    return blocks.mean(axis=(1, 3), dtype=np.float32), np.asarray((blocks > 0).all(axis=(1, 3)))


def detect(
    shape: tuple[int, int],
    reflectance: Callable[[str, slice], tuple[Reflectance, NDArray[np.bool_]]],
    detector: Detector,
) -> CloudMask:
    """Return the cloud mask of a tile, worked out in strips of rows.

    Args:
        shape: rows and columns at 60 m.
        reflectance: gives a band's top-of-atmosphere reflectance of some rows at 60 m, and where it has data.
        detector: the model.
    """
    probability = np.zeros(shape, np.float32)
    valid = np.zeros(shape, np.bool_)
    for rows in _strips(shape[0]):
        here = np.ones((rows.stop - rows.start, shape[1]), np.bool_)
        bands = np.empty((1, *here.shape, len(BANDS)), np.float32)
        for index, band in enumerate(BANDS):
            bands[0, ..., index], data = reflectance(band, rows)
            here &= data
        valid[rows] = here
        if here.any():
            probability[rows] = np.where(here, detector.get_cloud_probability_maps(bands)[0], 0)
    mask = detector.get_mask_from_prob(probability[np.newaxis])[0].astype(np.uint8)
    return CloudMask((probability * 100 + np.float32(0.5)).astype(np.uint8), mask * valid, valid)


def _strips(rows: int) -> Iterator[slice]:
    return (slice(first, min(first + STRIP_ROWS, rows)) for first in range(0, rows, STRIP_ROWS))
