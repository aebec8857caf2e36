"""When the fields of external CAMS files are valid, and interpolation between two of them. Pure.

Two layouts. One file a field and hour, as the Copernicus Atmosphere Monitoring Service sends them:
``z_cams_c_ecmf_<base yyyymmddhh0000>_prod_fc_sfc_<step hours>_aod550.nc``; the step of analyses (``an``) is 000. And
netCDF files of any name whose variables have time axes, as the Atmosphere Data Store gives them: one axis of times
(``time``, ``valid_time``), or a reference time and a forecast period whose sum is the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_NAME: Final = re.compile(r"z_cams_c_ecmf_(\d{8})(\d{2})\d{2,4}_prod_(?:an|fc)_\w+?_(\d{3})_(\w+)\.nc", re.IGNORECASE)
_SINCE: Final = re.compile(
    r"(?P<unit>[a-z]+) since (?P<date>\d{4}-\d{1,2}-\d{1,2})"
    r"(?:[ T](?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:\.\d*)?)?)?(?: ?(?:UTC|Z|\+00:00))?",
    re.IGNORECASE,
)
_SECONDS: Final = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "h": 3600.0, "day": 86400.0}

LARGEST_GAP: Final = timedelta(hours=6)
"""A field further away in time than this is not used."""


@dataclass(frozen=True)
class Layer:
    """One field at one time: the file's name, the number of its band there, and when the forecast began."""

    valid: datetime
    base: datetime
    file: str
    band: int = 1


def layer_of_name(name: str, field: str) -> Layer | None:
    """Return what an hourly file's name says, None when it is no such file of that field."""
    found = _NAME.fullmatch(name)
    if found is None or found[4].lower() != field:
        return None
    try:
        base = datetime.strptime(found[1] + found[2], "%Y%m%d%H").replace(tzinfo=UTC)
    except ValueError:
        return None
    return Layer(base + timedelta(hours=int(found[3])), base, name)


def is_hourly(name: str) -> bool:
    """Tell whether a file has the name of an hourly file, of whichever field."""
    return _NAME.fullmatch(name) is not None


def time_of_axes(axes: Mapping[str, tuple[float, str]]) -> tuple[datetime, datetime]:
    """Return the time for which a field is valid, and the one at which its forecast began.

    Args:
        axes: by name, the field's value on each axis besides latitude and longitude, and that axis's units, such as
            ``hours since 1900-01-01 00:00:00.0`` or ``hours``.

    Raises:
        ValueError: an axis is no time, or none of them is a date.
    """
    base: datetime | None = None
    later = timedelta()
    for name, (value, units) in axes.items():
        since = _SINCE.fullmatch(units.strip())
        seconds = _SECONDS.get((since["unit"] if since else units.strip()).lower().rstrip("s") or "h")
        if seconds is None:
            raise ValueError(f"axis {name} in '{units}' is no time")
        if since is None:
            later += timedelta(seconds=value * seconds)
            continue
        if base is not None:
            raise ValueError(f"axis {name} is a second date")
        clock = ":".join(f"{int(since[part] or 0):02d}" for part in ("hour", "minute", "second"))
        epoch = datetime.strptime(f"{since['date']} {clock}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        base = epoch + timedelta(seconds=value * seconds)
    if base is None:
        raise ValueError("no axis is a date")
    return base + later, base


def layers_around(layers: Iterable[Layer], time: datetime) -> tuple[tuple[Layer, float], ...]:
    """Return the layers to use for a time, with their weights.

    Args:
        layers: of one field.
        time: the time wanted.

    Returns:
        Two layers and the weights of the linear interpolation; one of weight 1 where its time is exact or where there
        is none on the other side; nothing when none is near enough. Of several forecasts for one time the one that
        began last counts.
    """
    ordered = sorted(layers, key=lambda layer: (layer.base, layer.file, layer.band))
    near = {layer.valid: layer for layer in ordered if abs(layer.valid - time) <= LARGEST_GAP}
    before = max((valid for valid in near if valid <= time), default=None)
    after = min((valid for valid in near if valid >= time), default=None)
    if before is None or after is None or before == after:
        return tuple((near[valid], 1.0) for valid in [before or after] if valid is not None)
    share = (time - before) / (after - before)
    return (near[before], 1.0 - share), (near[after], share)
