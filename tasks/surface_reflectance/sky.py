"""How much of the sky's light a slope receives, relative to level ground under the open sky.

The sky brightens round the sun and towards the horizon (``sky_radiance``). The irradiance of slopes under it is a
polynomial of the second order in the slope's normal (Ramamoorthi and Hanrahan 2001, doi:10.1364/JOSAA.18.002448), less
what higher ground hides of it. With ``x`` the cosine of the illumination angle, ``z`` the cosine of the slope and
``h = (1 + z) / 2 - V`` the share of the sky that higher ground hides::

    e = c0 + c1 x + c2 z + c3 x^2 + c4 x z + c5 z^2 - (c6 + c7 x + c8 x^2 + c9 x^3 + c10 z) h

What is hidden lies in front of a slope or aside of it: a slope that faces the sun loses the brightest part of the sky's
rim, one that faces away the darkest. The first six coefficients are fitted to slopes under the open sky, the others to
slopes behind horizons. ``tests/support/slope_light.py`` prints how well it meets the skies of discrete-ordinates runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.coarse import Float32
from tasks.surface_reflectance.sky_radiance import Layer, levels, sky_radiance

_TERMS: Final = 11
_SMALLEST_LIGHT: Final = 0.02
_LEVELS: Final = 32
_AZIMUTHS: Final = 48
_SLOPES_DEG: Final = (0.0, 8.0, 16.0, 24.0, 32.0, 40.0, 48.0)
_ASPECTS_DEG: Final = tuple(np.arange(0.0, 181.0, 22.5))
_HORIZONS_DEG: Final = {2.5: 0.7, 5.0: 1.0, 7.5: 1.0, 10.0: 0.8, 15.0: 0.5, 20.0: 0.25, 25.0: 0.1}
"""Heights of the horizon, and how much each counts: low ones are common."""
_HORIZON_ASIDE: Final = 0.2
"""A slope's horizon falls from the sides to the front, by this share times the cosine of the azimuth from the aspect:
it stands 1.2 times as high 75 degrees aside as in front, as on the ridges of the tests; on the Copernicus DEM of Sao
Tome it is 1.7 times."""
_UNEVEN: Final = (0.35, 1.0, 1.65)
"""Parts of that height which it has as often as each other: in front of a slope its standard deviation is 0.44 of its
mean on the ridges of the tests and 0.77 on Sao Tome, here 0.53."""
_WEIGHT_OF_LEVEL: Final = 30.0
_WEIGHT_OF_SHADE: Final = 0.3

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SkyShape:
    """The eleven coefficients of the polynomial of one band."""

    coefficients: Float32

    def light(self, terms: Float32) -> Float32:
        """Return the irradiance from the sky over that of level ground under the open sky.

        Args:
            terms: ``[11, rows, cols]`` of :func:`terms_of_sky`.
        """
        light = np.tensordot(self.coefficients, terms, 1)
        return np.asarray(np.maximum(light, np.float32(_SMALLEST_LIGHT), out=light), np.float32)


def terms_of_sky(cosine: Float32, upright: Float32, sky_view: Float32) -> Float32:
    """Return what the eleven coefficients are multiplied with, ``[11, rows, cols]``.

    Args:
        cosine: ``x``, also where the sun is hidden.
        upright: ``z``.
        sky_view: ``V``.
    """
    terms = np.empty((_TERMS, *cosine.shape), np.float32)
    terms[0], terms[1], terms[2] = 1.0, cosine, upright
    np.multiply(cosine, cosine, out=terms[3])
    np.multiply(cosine, upright, out=terms[4])
    np.multiply(upright, upright, out=terms[5])
    hidden = np.subtract(sky_view, np.float32(0.5), out=terms[6])  # -h
    hidden -= np.float32(0.5) * upright
    np.multiply(hidden, cosine, out=terms[7])
    np.multiply(terms[7], cosine, out=terms[8])
    np.multiply(terms[8], cosine, out=terms[9])
    np.multiply(hidden, upright, out=terms[10])
    return terms


def sky_shape(layer: Layer) -> SkyShape:
    """Return the polynomial of a band; level ground under the open sky receives 1."""
    cosine, weight = levels(_LEVELS)
    azimuth = np.asarray((np.arange(_AZIMUTHS) + 0.5) * (2.0 * np.pi / _AZIMUTHS), np.float64)
    solid = weight[:, None] * (2.0 / _AZIMUTHS)  # over pi
    light = sky_radiance(layer, _LEVELS, azimuth) * solid
    light /= float((light * cosine[:, None]).sum())
    sine_sun = float(np.sqrt(1.0 - layer.cos_sun**2))
    seen: list[tuple[float, ...]] = []
    hidden: list[tuple[float, ...]] = []
    for slope in np.radians(_SLOPES_DEG):
        upright, tilt = float(np.cos(slope)), float(np.sin(slope))
        for aspect in np.radians(_ASPECTS_DEG if tilt else (0.0,)):
            across = np.sqrt(1.0 - cosine[:, None] ** 2) * tilt * np.cos(azimuth - aspect)
            facing = np.maximum(cosine[:, None] * upright + across, 0.0)
            x = layer.cos_sun * upright + sine_sun * tilt * float(np.cos(aspect))
            counts = 1.0 if x > 0 else _WEIGHT_OF_SHADE
            terms = (1.0, x, upright, x * x, x * upright, upright**2)
            seen.append((*terms, float((facing * light).sum()), counts if tilt else _WEIGHT_OF_LEVEL))
            for rim_deg, common in _HORIZONS_DEG.items():
                rim = np.radians(rim_deg) * (1.0 - _HORIZON_ASIDE * np.cos(azimuth - aspect))
                behind = facing * sum(cosine[:, None] <= np.sin(rim * part) for part in _UNEVEN) / len(_UNEVEN)
                h = float((behind * solid).sum())
                less = (h, h * x, h * x**2, h * x**3, h * upright)
                hidden.append((*less, float((behind * light).sum()), counts * common))
    return SkyShape(np.concatenate([_fitted(seen), _fitted(hidden)]).astype(np.float32))


def _fitted(rows: list[tuple[float, ...]]) -> Array:
    """Return the coefficients that suit rows of terms, value and weight best."""
    terms, values, weight = np.split(np.array(rows), (-2, -1), axis=1)
    found, *_ = np.linalg.lstsq(terms * weight, (values * weight)[:, 0], rcond=None)
    return np.asarray(found)
