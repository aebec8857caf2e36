"""The state that the classification steps work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.classification.classes import NO_DATA, NOT_CLASSIFIED
from tasks.classification.indices import FloatArray

BoolArray = NDArray[np.bool_]


@dataclass(eq=False)
class Scene:
    """Class map and confidences of one piece of a tile; every step changes them in place.

    Attributes:
        reflectance: top-of-atmosphere reflectance ``[y, x]`` float32, > 0, by band name.
        classes: ``[y, x]`` uint8, a class or a working code of ``classes``. No-data pixels are 0 from the start and
            no step changes them.
        cloud: cloud confidence (CMC) ``[y, x]`` float32, 0..1.
        snow: snow confidence (CMS) ``[y, x]`` float32, 0..1.
    """

    reflectance: Mapping[str, FloatArray]
    classes: NDArray[np.uint8]
    cloud: FloatArray
    snow: FloatArray

    @classmethod
    def unclassified(cls, reflectance: Mapping[str, FloatArray], no_data: BoolArray) -> Scene:
        """Return the start state: everything not classified, ``no_data`` pixels class 0, confidences 0."""
        shape = no_data.shape
        return cls(
            reflectance=reflectance,
            classes=np.where(no_data, np.uint8(NO_DATA), np.uint8(NOT_CLASSIFIED)),
            cloud=np.zeros(shape, np.float32),
            snow=np.zeros(shape, np.float32),
        )

    @property
    def unclaimed(self) -> BoolArray:
        """Where no rule has claimed the pixel yet."""
        return self.where(NOT_CLASSIFIED)

    @property
    def valid(self) -> BoolArray:
        """Where the pixel holds data."""
        mask: BoolArray = self.classes != NO_DATA
        return mask

    def where(self, code: int) -> BoolArray:
        """Return where the class map holds ``code``."""
        mask: BoolArray = self.classes == code
        return mask

    def assign(self, code: int, mask: BoolArray) -> None:
        """Give class ``code`` to the pixels of ``mask``."""
        np.copyto(self.classes, np.uint8(code), where=mask)

    def clear_cloud(self, mask: BoolArray) -> None:
        """Set the cloud confidence of the pixels of ``mask`` to 0."""
        np.copyto(self.cloud, np.float32(0.0), where=mask)

    def scale_cloud(self, factor: FloatArray, mask: BoolArray) -> None:
        """Multiply the cloud confidence of the pixels of ``mask`` by ``factor``."""
        np.multiply(self.cloud, factor, out=self.cloud, where=mask)
