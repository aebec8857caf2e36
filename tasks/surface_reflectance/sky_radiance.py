"""The radiance of a cloudless sky, from successive orders of scattering.

Molecules and aerosol thin out with height above black ground (what the ground sends up is the business of ``terrain``).
Light scattered once has the whole phase functions. Each further order is scattered from the one before, as a Fourier
series of the azimuth (Lenoble et al. 2007, doi:10.1016/j.jqsrt.2007.03.010): with ``P_m`` the mode of the phase
function, ``mu`` the cosine of the zenith angle, and ``t`` the optical depth from the top::

    J_m(t, mu) = 1/2 sum over mu' of w(mu') P_m(mu, mu') I_m(t, mu')
    mu dI_m / dt = J_m - I_m        for light that goes down, with the opposite sign for light that goes up

Nothing is fitted. Aerosol scatters after Henyey and Greenstein (1941, doi:10.1086/144246), molecules after Rayleigh.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_WAVELENGTHS_UM: Final = (0.337, 0.55, 0.694, 1.06, 1.536, 2.0, 2.25)
_AEROSOL_ALBEDO: Final = (0.9521, 0.9462, 0.9378, 0.8735, 0.8103, 0.8789, 0.8604)
_ASYMMETRY: Final = (0.6865, 0.6638, 0.6498, 0.6314, 0.6440, 0.7098, 0.7303)
"""Single-scattering albedo and asymmetry of rural aerosol at 70 % humidity (Shettle and Fenn 1979). The other types are
taken for it here: it is the shape of the sky that counts."""
_AEROSOL_KM: Final = 2.0
_MOLECULES_KM: Final = 8.0
"""Heights over which their density falls by e."""
_TOP_KM: Final = 60.0
_HEIGHTS: Final = 601
_THINNEST: Final = 1e-5
_DEPTHS: Final = 17
_MODES: Final = 12
_PHASE_AZIMUTHS: Final = 32
_MOST_ORDERS: Final = 30
_LAST_ORDER: Final = 1e-3
"""Orders end with the one that adds less than this to the light of level ground."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """The air above level ground in one band.

    Attributes:
        aerosol, molecules: optical depths.
        cos_sun: cosine of the sun's zenith angle.
        wavelength_um: centre of the band.
    """

    aerosol: float
    molecules: float
    cos_sun: float
    wavelength_um: float

    def phases(self, cosine: Array) -> Array:
        """Return the phase functions of aerosol, times its single-scattering albedo, and of molecules ``[2, ...]``.

        Args:
            cosine: of the scattering angle.
        """
        albedo, g = (
            float(np.interp(self.wavelength_um, _WAVELENGTHS_UM, values)) for values in (_AEROSOL_ALBEDO, _ASYMMETRY)
        )
        aerosol = albedo * (1.0 - g**2) / (1.0 + g**2 - 2.0 * g * cosine) ** 1.5
        return np.stack([aerosol, 0.75 * (1.0 + cosine**2)])

    def profile(self) -> tuple[Array, Array]:
        """Return optical depths from the top of the atmosphere to the ground, and the share of aerosol there."""
        height = np.linspace(_TOP_KM, 0.0, _HEIGHTS)
        aerosol, molecules = (
            max(depth, _THINNEST) * np.exp(-height / scale)
            for depth, scale in ((self.aerosol, _AEROSOL_KM), (self.molecules, _MOLECULES_KM))
        )
        above, share = aerosol + molecules, aerosol / _AEROSOL_KM / (aerosol / _AEROSOL_KM + molecules / _MOLECULES_KM)
        depth = np.linspace(0.0, above[-1], _DEPTHS)
        return depth, np.interp(depth, above, share)


def levels(number: int) -> tuple[Array, Array]:
    """Return cosines of zenith angles and their weights for integrals over the upper half-space."""
    nodes, weights = np.polynomial.legendre.leggauss(number)
    return (nodes + 1.0) / 2.0, weights / 2.0


def sky_radiance(layer: Layer, number: int, azimuth: Array) -> Array:
    """Return the radiance of the sky ``[level, azimuth]`` in units of the sun's irradiance on level ground over pi.

    Args:
        layer: the air.
        number: of zenith angles, those of :func:`levels`.
        azimuth: from the sun [rad].
    """
    cosine, weight = levels(number)
    sun, (depth, aerosol) = layer.cos_sun, layer.profile()
    shares = np.stack([aerosol, 1.0 - aerosol])
    from_sun = np.exp(-depth / sun) / (4.0 * sun) * shares
    mode = np.arange(_MODES)
    down, up = (_modes(layer, cosine, way * cosine) for way in (1.0, -1.0))
    scatter = np.concatenate([np.concatenate([down, up], 3), np.concatenate([up, down], 3)], 2)
    scatter *= 0.5 * np.concatenate([weight, weight])
    first = np.concatenate([_modes(layer, cosine, np.array([way * sun]))[..., 0] for way in (1.0, -1.0)], 2)
    field = _passed(np.einsum("smi,sk->mik", first, from_sun), cosine, depth)
    total = np.zeros((_MODES, number))
    for _ in range(_MOST_ORDERS):
        source = (scatter[0] @ field) * shares[0]
        source += (scatter[1] @ field) * shares[1]
        field = _passed(source, cosine, depth)
        total += field[:, :number, -1]
        added, all_of_it = (float(light[0] @ (cosine * weight)) for light in (field[:, :number, -1], total))
        if added < _LAST_ORDER * all_of_it:
            break
    phases = layer.phases(_between(cosine[:, None], sun, azimuth))
    reached = _passed(np.repeat(from_sun[:, None], 2 * number, 1), cosine, depth)[:, :number, -1:]
    series = np.where(mode == 0, 1.0, 2.0) * np.cos(azimuth[:, None] * mode)
    return np.asarray((reached * phases).sum(0) + total.T @ series.T)


def _between(cosine: Array, other: Array | float, azimuth: Array) -> Array:
    """Return the cosine of the angle between directions."""
    return np.asarray(cosine * other + np.sqrt((1.0 - np.square(cosine)) * (1.0 - np.square(other))) * np.cos(azimuth))


def _modes(layer: Layer, cosine: Array, other: Array) -> Array:
    """Return the Fourier modes of the two phase functions between directions ``[2, mode, cosine, other]``."""
    azimuth = np.asarray((np.arange(_PHASE_AZIMUTHS) + 0.5) * (np.pi / _PHASE_AZIMUTHS), np.float64)
    values = layer.phases(_between(cosine[:, None, None], other[None, :, None], azimuth))
    return np.moveaxis(values @ np.cos(np.outer(azimuth, np.arange(_MODES))) / _PHASE_AZIMUTHS, 3, 1)


def _passed(source: Array, cosine: Array, steps: Array) -> Array:
    """Return the radiance ``[mode, down and up, depth]`` of a source that is linear between the depths."""
    number = cosine.size
    path = (steps[1] - steps[0]) / cosine
    kept = np.exp(-path)
    near = (1.0 - kept) / path
    here, before = 1.0 - near, near - kept
    field = np.zeros_like(source)
    down, up = field[:, :number], field[:, number:]
    for k in range(1, steps.size):
        down[..., k] = kept * down[..., k - 1] + here * source[:, :number, k] + before * source[:, :number, k - 1]
        back = steps.size - 1 - k
        up[..., back] = (
            kept * up[..., back + 1] + here * source[:, number:, back] + before * source[:, number:, back + 1]
        )
    return field
