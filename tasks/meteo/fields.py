"""From the meteorological fields of a Level-1C granule to the atmosphere of a tile. Pure.

The fields are small grids (9 x 9 nodes over the tile), already interpolated to the acquisition time by the producer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.aot.visibility import aot_from_visibility, visibility_from_aot

DU_PER_KG_M2: Final = 300.0 * 155.5694
"""Dobson units per kg m-2 of ozone (Sen2Cor 3.x sources); reproduces the OZONE_VALUE of real products to 0.01 DU."""

STANDARD_GRAVITY: Final = 9.80665
"""Standard acceleration of gravity [m s-2], which turns geopotential into geopotential height."""

OZONE_RANGE_DU: Final = (100.0, 700.0)
"""Columns outside have never been measured on Earth; the field is then taken as damaged."""

WATER_VAPOUR_RANGE_CM: Final = (0.0, 10.0)
AOT550_RANGE: Final = (0.0, 10.0)
HEIGHT_RANGE_KM: Final = (-1.0, 9.0)

LAW_HEIGHTS_KM: Final = (0.0, 3.5)
"""Heights for which Sen2Cor's law between visibility and optical thickness is used."""


@dataclass(frozen=True)
class Quantity:
    """A meteorological field this processor uses: how GRIB files name it, its unit and how it is turned into ours.

    Attributes:
        elements: names of the GRIB element that mean this field.
        units: accepted units as GDAL writes them; empty for fields whose table GDAL does not know.
        factor: our value per GRIB value.
        limits: smallest and largest plausible mean, in our unit.
        positive_only: whether nodes that are not above 0 hold no value.
    """

    elements: tuple[str, ...]
    units: tuple[str, ...]
    factor: float
    limits: tuple[float, float]
    positive_only: bool


OZONE_DU: Final = Quantity(("TCO3",), ("[kg/m^2]", "[kg m-2]"), DU_PER_KG_M2, OZONE_RANGE_DU, True)
"""Total column ozone [DU] (ECMWF parameter 206)."""

WATER_VAPOUR_CM: Final = Quantity(("PWC", "PWAT", "TCWV"), ("[kg/m^2]", "[kg m-2]"), 0.1, WATER_VAPOUR_RANGE_CM, True)
"""Total column water vapour [cm] (ECMWF parameter 137); 1 kg m-2 is 0.1 cm of precipitable water."""

AOT550: Final = Quantity(
    ("AOD550", "var207 of table 210 of center ECMWF"), ("", "[-]", "[~]"), 1.0, AOT550_RANGE, False
)
"""Total aerosol optical thickness at 550 nm (ECMWF parameter 207 of table 210)."""

MODEL_HEIGHT_KM: Final = Quantity(
    ("Z",), ("[m^2/s^2]", "[m**2 s**-2]"), 1.0e-3 / STANDARD_GRAVITY, HEIGHT_RANGE_KM, False
)
"""Height of the model's surface [km] from its geopotential (ECMWF parameter 129)."""


@dataclass(frozen=True, eq=False)
class Field:
    """One field as read: GRIB element, unit text and ``[y, x]`` node values (NaN where there is none)."""

    element: str
    unit: str
    values: NDArray[np.float64]


def tile_mean(fields: tuple[Field, ...], quantity: Quantity) -> float:
    """Return the mean of one quantity over the nodes of its field.

    Args:
        fields: all fields of a file.
        quantity: the one wanted.

    Returns:
        The mean of the valid nodes in the quantity's own unit (DU, cm, km or 1).

    Raises:
        ValueError: the field is absent, has another unit, has no valid node, or its mean is not plausible. The
            message is one line without the file's name.
    """
    name = quantity.elements[0]
    field = next((f for f in fields if f.element in quantity.elements), None)
    if field is None:
        present = ", ".join(f.element for f in fields) or "nothing"
        raise ValueError(f"no field {name} among {present}")
    if field.unit not in quantity.units:
        raise ValueError(f"field {name} has the unit '{field.unit}', expected '{quantity.units[0]}'")
    valid = np.isfinite(field.values)
    if quantity.positive_only:
        valid &= field.values > 0.0
    if not valid.any():
        raise ValueError(f"field {name} has no valid node")
    mean = float(np.mean(field.values[valid])) * quantity.factor
    low, high = quantity.limits
    if not low <= mean <= high:
        raise ValueError(f"field {name} has the mean {mean:.6g}, expected {low:g} to {high:g}")
    return mean


def at_ground(aot550: float, model_height_km: float, ground_height_km: float) -> float:
    """Return an aerosol optical thickness over the model's surface as one over the real ground.

    A coarse model smooths mountains; the visibility is taken to be the same at both heights, and the optical thickness
    follows from it by Sen2Cor's law between 0 and 3.5 km.

    Args:
        aot550: optical thickness above the model's surface, not negative.
        model_height_km: height of that surface above the sea [km].
        ground_height_km: height of the ground [km].

    Source: Sen2Cor 3 sources (CAMS aerosol to visibility at the model's height).
    """
    if aot550 <= 0.0:
        return 0.0
    low, high = LAW_HEIGHTS_KM
    visibility = visibility_from_aot(aot550, min(max(model_height_km, low), high))
    return float(aot_from_visibility(visibility, min(max(ground_height_km, low), high)))
