"""The light on slopes at the pixels, a row strip at a time: :mod:`tasks.surface_reflectance.terrain` has the equations.

Most of what they hold changes over hundreds of metres. With ``s`` and ``G`` known on the 60 m raster, ``H = 1 - V`` the
hidden share of the sky, and all coefficients divided by ``1 + s``, the light is linear in four fields of that raster::

    e = D b cos(beta) / cos(theta) + (1 - D) F + s + (G - s) H

``b``, the terms of the sky's light ``F``, and ``V`` are the same for all bands of a strip.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.brdf import Damping
from tasks.surface_reflectance.coarse import Float32, enlarge
from tasks.surface_reflectance.sky import SkyShape, terms_of_sky

SMALLEST_COSINE: Final = 26.0 / 255.0
"""Floor of the illumination cosine in the sun (Sen2Cor 3 sources, AtmCorr)."""
DARKEST: Final = 0.02
"""Floor of ``e``."""


@dataclass(frozen=True, eq=False)
class SlopeStrip:
    """The slopes of a row strip, ``[rows, cols]`` float32, for all bands.

    Attributes:
        rows: the strip's rows of the image.
        factor: pixels along the side of a 60 m block.
        lit: ``b cos(beta) / cos(theta)``.
        cosine: ``x``, the cosine of the illumination angle, in cast shadow too.
        upright: ``z``, the cosine of the slope.
        sky: ``V``.
        inverse_cos_sun: ``1 / cos(theta)``.
    """

    rows: slice
    factor: int
    lit: Float32
    cosine: Float32
    upright: Float32
    sky: Float32
    inverse_cos_sun: Float32

    @cached_property
    def sky_terms(self) -> Float32:
        """``[11, rows, cols]`` terms of ``F``."""
        return terms_of_sky(self.cosine, self.upright, self.sky)

    @cached_property
    def hidden(self) -> Float32:
        """``H``."""
        return np.asarray(np.float32(1.0) - self.sky, np.float32)

    @cached_property
    def sunlit_cosine(self) -> Float32:
        """``b cos(beta)``, not below its floor."""
        return np.asarray(np.maximum(self.lit / self.inverse_cos_sun, np.float32(SMALLEST_COSINE)), np.float32)

    @cached_property
    def tilt(self) -> Float32:
        """``b sin(beta) / cos(theta)``: by how much a radian of slope changes ``lit``; ``[rows, cols]``."""
        square = np.square(self.inverse_cos_sun) - np.square(self.lit)
        tilt = np.sqrt(np.maximum(square, np.float32(0.0), out=square), out=square)
        tilt *= self.lit > 0
        return np.asarray(tilt, np.float32)

    def enlarged(self, field: Float32) -> Float32:
        """Return a field of the 60 m raster at the pixels, to be written to."""
        return enlarge(field, self.factor, self.rows, self.lit.shape[1])


@dataclass(frozen=True, eq=False)
class StartLight:
    """Terrain whose own light is not known: ``e`` gains ``floor - G H`` where that is positive and ``H`` is too."""

    floor: Float32
    surroundings: Float32


@dataclass(frozen=True, eq=False)
class SlopeLight:
    """The light of one band on the 60 m raster; fields as in the module's equations, divided by ``1 + s``.

    Attributes:
        direct, diffuse, returned, change: ``D``, ``1 - D``, ``s`` and ``G - s``.
        sky: ``F``.
        start: floor of the terrain's light; None once the terrain's light is known.
        cut_off: largest reflectance.
        damping: the BRDF correction; None leaves it out.
        vegetation: ``[rows, cols]`` pixels that it treats as vegetation; None when it makes no difference.
    """

    direct: Float32
    diffuse: Float32
    returned: Float32
    change: Float32
    sky: SkyShape
    start: StartLight | None
    cut_off: float
    damping: Damping | None = None
    vegetation: NDArray[np.bool_] | None = None

    def received(self, strip: SlopeStrip) -> Float32:
        """Return ``e`` of a row strip."""
        received = strip.enlarged(self.direct)
        received *= strip.lit
        part = self.sky.light(strip.sky_terms)
        part *= strip.enlarged(self.diffuse)
        received += part
        received += strip.enlarged(self.returned)
        part = strip.enlarged(self.change)
        part *= strip.hidden
        received += part
        if self.start is not None:
            lacking = strip.enlarged(self.start.floor) * (strip.hidden > 0)
            lacking -= strip.enlarged(self.start.surroundings) * strip.hidden
            received += np.maximum(lacking, np.float32(0.0))
        return np.maximum(received, np.float32(DARKEST), out=received)

    def reflectance(self, light: Float32, strip: SlopeStrip) -> Float32:
        """Return the reflectance of a row strip from ``rho e``, which is overwritten."""
        light /= self.received(strip)
        if self.damping is not None:
            vegetation = None if self.vegetation is None else self.vegetation[strip.rows]
            light *= self.damping.factor(strip.sunlit_cosine, vegetation)
        return np.minimum(light, np.float32(self.cut_off), out=light)
