"""Names of CAMS forecast files, and interpolation between two of them. Pure.

Files as the Copernicus Atmosphere Monitoring Service delivers them, one a field and hour:
``z_cams_c_ecmf_<base yyyymmddhh0000>_prod_fc_sfc_<step hours>_aod550.nc``; the step of analyses (``an``) is 000.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

_NAME: Final = re.compile(r"z_cams_c_ecmf_(\d{8})(\d{2})\d{2,4}_prod_(?:an|fc)_\w+?_(\d{3})_(\w+)\.nc", re.IGNORECASE)

LARGEST_GAP: Final = timedelta(hours=6)
"""A file further away in time than this is not used."""


def valid_time(name: str, field: str) -> datetime | None:
    """Return the time that a file's values are for, None when it is no CAMS file of that field."""
    found = _NAME.fullmatch(name)
    if found is None or found[4].lower() != field:
        return None
    try:
        base = datetime.strptime(found[1] + found[2], "%Y%m%d%H").replace(tzinfo=UTC)
    except ValueError:
        return None
    return base + timedelta(hours=int(found[3]))


def files_around(names: Iterable[str], field: str, time: datetime) -> tuple[tuple[str, float], ...]:
    """Return the files to use for a time, with their weights.

    Args:
        names: names of all files of a folder.
        field: ``aod550`` or ``z``.
        time: the time wanted.

    Returns:
        Two files and the weights of the linear interpolation; one of weight 1 where its time is exact or where there
        is none on the other side; nothing when none is near enough. Of several forecasts for one time the one with
        the latest name counts.
    """
    times = {valid: name for name in sorted(names) if (valid := valid_time(name, field)) is not None}
    near = {valid: name for valid, name in times.items() if abs(valid - time) <= LARGEST_GAP}
    before = max((valid for valid in near if valid <= time), default=None)
    after = min((valid for valid in near if valid >= time), default=None)
    if before is None or after is None or before == after:
        return tuple((near[valid], 1.0) for valid in [before or after] if valid is not None)
    share = (time - before) / (after - before)
    return (near[before], 1.0 - share), (near[after], share)
