"""The uncertainty of the light that a slope receives."""

from __future__ import annotations

import numpy as np

from tasks.surface_reflectance.coarse import Float32
from tasks.surface_reflectance.lighting import SlopeLight, SlopeStrip


def slope_error(light: SlopeLight, strip: SlopeStrip, received: Float32, slope_deg: float, sky_share: float) -> Float32:
    """Return the relative standard uncertainty of ``e`` of a row strip.

    The sun's part goes with ``cos(beta)``, which an error of the slope changes by ``sin(beta)`` times that error; the
    model of the sky is wrong by a share of what it makes of the slope, so level ground has no error.

    Args:
        light: on slopes in the band.
        strip: the slopes.
        received: ``[rows, cols]`` ``e``.
        slope_deg: standard uncertainty of the slope towards the sun [deg].
        sky_share: relative standard uncertainty of ``1 - e``.
    """
    total = strip.enlarged(light.direct)
    total *= strip.tilt
    total *= np.float32(np.radians(slope_deg))
    np.square(total, out=total)
    sky = received - np.float32(1.0)
    sky *= np.float32(sky_share)
    total += np.square(sky, out=sky)
    np.sqrt(total, out=total)
    total /= received
    return total
