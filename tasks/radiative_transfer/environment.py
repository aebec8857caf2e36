"""From how far the light comes that the air scatters into the view of a pixel: the environment functions of 6S.

``F(r)`` is the share of the scattered light that left the ground nearer than ``r`` [km], for a sensor that looks down.
Air molecules scatter it high up, from far away; aerosol lies low::

    F_R(r) = 1 - (0.930 exp(-0.08 r) + 0.070 exp(-1.10 r))
    F_A(r) = 1 - (0.448 exp(-0.27 r) + 0.552 exp(-2.83 r))

The mean reflectance of the surroundings weighs both with the diffuse transmittance from the ground to the sensor of
molecules alone and of aerosol alone (Vermote et al. 1997, doi:10.1109/36.581987; 6S user guide, part 2, environment
function). The view zenith angle of Sentinel-2 (up to 12 degrees) changes ``F`` by less than 0.02 and is left out.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tasks.radiative_transfer.atmosphere import Array, Terms

Exponentials = tuple[tuple[float, float], ...]

MOLECULES: Final[Exponentials] = ((0.930, 0.08), (0.070, 1.10))
AEROSOL: Final[Exponentials] = ((0.448, 0.27), (0.552, 2.83))
"""Weight and inverse length [1/km] of the exponentials of ``1 - F``."""


def density(distance_km: np.ndarray, exponentials: Exponentials) -> np.ndarray:
    """Return the share of the scattered light that comes from a square kilometre at a distance > 0 [1/km^2]."""
    total = sum(weight * rate * np.exp(-rate * distance_km) for weight, rate in exponentials)
    return np.asarray(total / (2.0 * np.pi * distance_km))


def share_within(distance_km: np.ndarray, exponentials: Exponentials) -> np.ndarray:
    """Return ``F``, the share of the scattered light that comes from nearer than a distance [km]."""
    return np.asarray(1.0 - sum(weight * np.exp(-rate * distance_km) for weight, rate in exponentials))


def molecular_share(terms: Terms, molecules: Terms) -> Array:
    """Return which share of the diffuse transmittance ground to sensor is due to molecules.

    Args:
        terms: of molecules and aerosol.
        molecules: the same without aerosol. What aerosol alone lets through is the ratio of the two.
    """
    by_molecules = molecules.transmittance_up - molecules.direct_transmittance_up
    aerosol = terms.transmittance_up / molecules.transmittance_up
    by_aerosol = aerosol - terms.direct_transmittance_up / molecules.direct_transmittance_up
    by_molecules, by_aerosol = (np.maximum(share, np.float32(1e-7)) for share in (by_molecules, by_aerosol))
    return np.asarray(by_molecules / (by_molecules + by_aerosol), np.float32)
