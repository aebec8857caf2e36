"""How much of the sky's light a slope receives, relative to level ground under the open sky.

The radiance of the sky is that of light scattered once, by molecules and by aerosol, in a homogeneous layer of the
optical depth ``tau`` above the ground: with ``P`` the phase function, ``mu`` and ``mu0`` the cosines of the zenith
angles of the direction and of the sun (Chandrasekhar 1960, Radiative Transfer, chapter VII)::

    L ~ P mu0 / (mu0 - mu) (exp(-tau / mu0) - exp(-tau / mu))

It brightens round the sun and towards the horizon. What the sky sends down beyond that was scattered more than once, a
share ``m`` of all. Of it, ``0.8 a^1.7 sqrt(1 - m)`` keeps the shape of the aureole, with ``a`` the share of aerosol in
what is scattered once; the rest goes with ``1 - exp(-tau / mu)``, the glow of a layer. The three numbers are fitted to
the skies of 115 discrete-ordinates runs (443 to 1610 nm, sun 25 to 70 degrees from the zenith, AOT 0.05 to 0.7, 0.2 and
2 km high), none of which is a sky of the tests of the mountains.

The irradiance of slopes under that sky is a polynomial of the second order in the slope's normal (Ramamoorthi and
Hanrahan 2001, doi:10.1364/JOSAA.18.002448), less what higher ground hides of it. With ``x`` the cosine of the
illumination angle, ``z`` the cosine of the slope and ``h = (1 + z) / 2 - V`` the share of the sky that higher ground
hides::

    e = c0 + c1 x + c2 z + c3 x^2 + c4 x z + c5 z^2 + (c6 + c7 x + c8 z) h

``tests/support/slope_light.py`` prints how well it meets the skies of discrete-ordinates runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.coarse import Float32

_WAVELENGTHS_UM: Final = (0.337, 0.55, 0.694, 1.06, 1.536, 2.0, 2.25)
_AEROSOL_ALBEDO: Final = (0.9521, 0.9462, 0.9378, 0.8735, 0.8103, 0.8789, 0.8604)
_ASYMMETRY: Final = (0.6865, 0.6638, 0.6498, 0.6314, 0.6440, 0.7098, 0.7303)
"""Single-scattering albedo and asymmetry of rural aerosol at 70 % humidity (Shettle and Fenn 1979). The other types are
taken for it here: it is the shape of the sky that counts."""
_KEPT: Final = (0.8, 1.7, 0.5)
_TERMS: Final = 9
_SMALLEST_LIGHT: Final = 0.02
_LEVELS: Final = 32
_AZIMUTHS: Final = 48
_SLOPES_DEG: Final = (0.0, 8.0, 16.0, 24.0, 32.0, 40.0, 48.0)
_ASPECTS_DEG: Final = tuple(np.arange(0.0, 181.0, 22.5))
_HORIZONS_DEG: Final = {0.0: 1.0, 5.0: 1.0, 10.0: 0.6, 15.0: 0.3, 20.0: 0.15}
"""Heights of the horizon, and how much each counts: low ones are common."""
_HORIZON_ASIDE: Final = 0.2
"""A slope's horizon falls from the sides to the front, by this share times the cosine of the azimuth from the aspect:
it stands 1.2 times as high 75 degrees aside as in front, as on the ridges of the tests; on the Copernicus DEM of Sao
Tome it is 1.7 times."""
_WEIGHT_OF_LEVEL: Final = 30.0
_WEIGHT_OF_SHADE: Final = 0.3


@dataclass(frozen=True, eq=False)
class SkyShape:
    """The nine coefficients of the polynomial of one band."""

    coefficients: Float32

    def light(self, terms: Float32) -> Float32:
        """Return the irradiance from the sky over that of level ground under the open sky.

        Args:
            terms: ``[9, rows, cols]`` of :func:`terms_of_sky`.
        """
        light = np.tensordot(self.coefficients, terms, 1)
        return np.asarray(np.maximum(light, np.float32(_SMALLEST_LIGHT), out=light), np.float32)


def terms_of_sky(cosine: Float32, upright: Float32, sky_view: Float32) -> Float32:
    """Return what the nine coefficients are multiplied with, ``[9, rows, cols]``.

    Args:
        cosine: ``x``; at most 0 where the sun is hidden.
        upright: ``z``.
        sky_view: ``V``.
    """
    terms = np.empty((_TERMS, *cosine.shape), np.float32)
    terms[0], terms[1], terms[2] = 1.0, cosine, upright
    np.multiply(cosine, cosine, out=terms[3])
    np.multiply(cosine, upright, out=terms[4])
    np.multiply(upright, upright, out=terms[5])
    hidden = np.add(upright, np.float32(1.0), out=terms[6])
    hidden *= np.float32(0.5)
    hidden -= sky_view
    np.multiply(hidden, cosine, out=terms[7])
    np.multiply(hidden, upright, out=terms[8])
    return terms


@dataclass(frozen=True)
class Layer:
    """The air above level ground in one band.

    Attributes:
        aerosol, molecules: optical depths.
        cos_sun: cosine of the sun's zenith angle.
        diffuse: irradiance of level ground from the sky over that from the sun above the atmosphere.
        wavelength_um: centre of the band.
    """

    aerosol: float
    molecules: float
    cos_sun: float
    diffuse: float
    wavelength_um: float


def sky_shape(layer: Layer) -> SkyShape:
    """Return the polynomial of a band; level ground under the open sky receives 1."""
    cos_zenith, weight = _levels()
    azimuth = np.asarray((np.arange(_AZIMUTHS) + 0.5) * (2.0 * np.pi / _AZIMUTHS), np.float64)
    sine_sun = float(np.sqrt(1.0 - layer.cos_sun**2))
    radiance = _radiance(layer, cos_zenith, azimuth)
    radiance *= weight[:, None] * 2.0 / _AZIMUTHS  # irradiance over pi, of the solid angle
    features, light, importance = [], [], []
    for slope in np.radians(_SLOPES_DEG):
        upright, tilt = float(np.cos(slope)), float(np.sin(slope))
        for aspect in np.radians(_ASPECTS_DEG if tilt else (0.0,)):
            across = np.sqrt(1.0 - cos_zenith[:, None] ** 2) * tilt * np.cos(azimuth - aspect)
            facing = np.maximum(cos_zenith[:, None] * upright + across, 0.0)
            x = layer.cos_sun * upright + sine_sun * tilt * float(np.cos(aspect))
            for rim_deg, common in _HORIZONS_DEG.items():
                rim = np.radians(rim_deg) * (1.0 - _HORIZON_ASIDE * np.cos(azimuth - aspect))
                seen = facing * (cos_zenith[:, None] > np.sin(rim))
                view = float((seen * weight[:, None]).sum() * 2.0 / _AZIMUTHS)
                hidden = 0.5 * (1.0 + upright) - view
                features.append((1.0, x, upright, x * x, x * upright, upright**2, hidden, hidden * x, hidden * upright))
                light.append(float((seen * radiance).sum()))
                level = tilt == 0.0 and rim_deg == 0.0
                importance.append(_WEIGHT_OF_LEVEL if level else common * (1.0 if x > 0 else _WEIGHT_OF_SHADE))
    scale = np.array(importance)
    target = np.array(light) / light[0]
    found, *_ = np.linalg.lstsq(np.array(features) * scale[:, None], target * scale, rcond=None)
    return SkyShape(found.astype(np.float32))


def _levels() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return cosines of zenith angles and their weights for integrals over the upper half-space."""
    nodes, weights = np.polynomial.legendre.leggauss(_LEVELS)
    return (nodes + 1.0) / 2.0, weights / 2.0


def _radiance(layer: Layer, cos_zenith: NDArray[np.float64], azimuth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the radiance of the sky ``[level, azimuth]`` in units that give level ground an irradiance of pi."""
    depth = max(layer.aerosol + layer.molecules, 1e-4)
    cosine, weight = cos_zenith[:, None], _levels()[1][:, None]
    sun = layer.cos_sun
    between = cosine * sun + np.sqrt((1.0 - cosine**2) * (1.0 - sun**2)) * np.cos(azimuth)
    difference = np.where(np.abs(sun - cosine) < 1e-5, 1e-5, sun - cosine)
    once = (np.exp(-depth / sun) - np.exp(-depth / cosine)) / difference / (4.0 * depth)
    albedo, g = (
        float(np.interp(layer.wavelength_um, _WAVELENGTHS_UM, values)) for values in (_AEROSOL_ALBEDO, _ASYMMETRY)
    )
    aureole = albedo * layer.aerosol * once * (1.0 - g**2) / (1.0 + g**2 - 2.0 * g * between) ** 1.5
    from_molecules = layer.molecules * once * 0.75 * (1.0 + between**2)
    glow = np.broadcast_to(1.0 - np.exp(-depth / cosine), aureole.shape)
    a, b, c = (float((part * cosine * weight).sum() * 2.0 / _AZIMUTHS) for part in (aureole, from_molecules, glow))
    again = max(1.0 - (a + b) / max(layer.diffuse, 1e-9), 0.0)
    kept = _KEPT[0] * (a / (a + b)) ** _KEPT[1] * (1.0 - again) ** _KEPT[2]
    return np.asarray(
        (1.0 - again) / (a + b) * (aureole + from_molecules) + again * (kept / a * aureole + (1.0 - kept) / c * glow)
    )
