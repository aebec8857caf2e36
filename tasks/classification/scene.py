"""The state that the classification steps work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tasks.classification.classes import NO_DATA, NOT_CLASSIFIED
from tasks.classification.ground import Ground
from tasks.classification.indices import FloatArray

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class TileFacts:
    """What the steps know of the whole tile.

    Attributes:
        pixel_m: size of a pixel [m].
        snow_block: the snow block runs. Sen2Cor leaves it out where its climatology has no snow in the tile's box.
        snow_height_m: height above which snow can lie at this place and season [m]; None when unknown.
        snow_condition_holds: the CCI snow condition rules out snow on water; see ``ground.snow_condition_holds``.
        sun_elevation_deg: mean elevation of the sun [deg]; None when unknown.
        has_b08: B08 is among the bands, on the same grid.
    """

    pixel_m: float = 20.0
    snow_block: bool = True
    snow_height_m: float | None = None
    snow_condition_holds: bool = False
    sun_elevation_deg: float | None = None
    has_b08: bool = False


@dataclass(frozen=True)
class Background:
    """Figures of the classes in the whole tile, known once the spectral steps are done.

    Attributes:
        cirrus_limit_land, cirrus_limit_water: B10 above which classes 4 and 5, or 6, are cirrus; infinite = never.
        recovered_b10, recovered_ratio: upper limits of B10 and of B09/B8A below which a cloud is land; 0 = never.
        ground_ratio: B09/B8A at sea level up to which a cloud can be ground; 0 = never.
        shadow_nir, shadow_swir: B8A and B11 below which a pixel is dark against the tile's clear land; 0 = never.
    """

    cirrus_limit_land: float = float("inf")
    cirrus_limit_water: float = float("inf")
    recovered_b10: float = 0.0
    recovered_ratio: float = 0.0
    ground_ratio: float = 0.0
    shadow_nir: float = 0.0
    shadow_swir: float = 0.0


@dataclass(eq=False)
class Scene:
    """Class map and confidences of one piece of a tile; every step changes them in place.

    Attributes:
        reflectance: top-of-atmosphere reflectance ``[y, x]`` float32, > 0, by band name.
        classes: ``[y, x]`` uint8, a class or a working code of ``classes``. No-data pixels are 0 from the start and
            no step changes them.
        cloud: cloud confidence (CMC) ``[y, x]`` float32, 0..1.
        snow: snow confidence (CMS) ``[y, x]`` float32, 0..1.
        ground: maps of the ground on the same pixels.
        tile: facts of the whole tile.
        background: figures of the whole tile's classes.
        shadow_zone: geometric probability of cloud shadow ``[y, x]`` float32, 0..1; None before it is known.
    """

    reflectance: Mapping[str, FloatArray]
    classes: NDArray[np.uint8]
    cloud: FloatArray
    snow: FloatArray
    ground: Ground = field(default_factory=Ground)
    tile: TileFacts = TileFacts()
    background: Background = Background()
    shadow_zone: FloatArray | None = None

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

    def among(self, *codes: int) -> BoolArray:
        """Return where the class map holds one of ``codes``."""
        listed = np.zeros(256, np.bool_)
        listed[list(codes)] = True
        return np.asarray(listed[self.classes])

    def assign(self, code: int, mask: BoolArray) -> None:
        """Give class ``code`` to the pixels of ``mask``."""
        np.copyto(self.classes, np.uint8(code), where=mask)

    def clear_cloud(self, mask: BoolArray) -> None:
        """Set the cloud confidence of the pixels of ``mask`` to 0."""
        np.copyto(self.cloud, np.float32(0.0), where=mask)

    def scale_cloud(self, factor: FloatArray, mask: BoolArray) -> None:
        """Multiply the cloud confidence of the pixels of ``mask`` by ``factor``."""
        np.multiply(self.cloud, factor, out=self.cloud, where=mask)
