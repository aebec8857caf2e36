"""Names and identifiers of a Level-2A product (PSD 14.8; toolbox products of Sen2Cor)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from tasks.common.errors import InvalidConfiguration, InvalidInput
from tasks.l1c.model import GranuleSource

TOOLBOX_BASELINE: Final = "99.99"
"""Processing baseline of products that a user made: ``N9999`` in names, ``N99.99`` in identifiers."""

SEVERAL_TILES: Final = "MULTI"
"""Stands for the tile in the name of a product with more than one granule."""

PREVIEW_RESOLUTION: Final = 320
"""Pixel size of the preview image (PVI) [m]."""

_TIME: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)")
_CENTRE: Final = re.compile(r"[A-Z0-9_]{4}")
_BASELINE: Final = re.compile(r"\d\d\.\d\d")
_LONG_ID: Final = re.compile(
    r"_(?P<centre>[A-Z0-9_]{4})_\d{8}T\d{6}_(?:A\d{6}_T\w{5}|S(?P<start>\d{8}T\d{6}))(?:_N\d\d\.\d\d)?$"
)
_ENDING_BASELINE: Final = re.compile(r"_N\d\d\.\d\d$")


def compact_time(iso_time: str) -> str:
    """Return ``YYYYMMDDThhmmss`` of an ISO time; fractions of a second are cut.

    Raises:
        InvalidInput: the text does not begin with an ISO time.
    """
    match = _TIME.match(iso_time)
    if match is None:
        raise InvalidInput(f"time '{iso_time[:40]}': expected YYYY-MM-DDThh:mm:ss")
    year, month, day, hour, minute, second = match.groups()
    return f"{year}{month}{day}T{hour}{minute}{second}"


def iso_time(moment: datetime) -> str:
    """Return a moment as UTC with microseconds and ``Z``, as GENERATION_TIME has it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def checked_baseline(baseline: str) -> str:
    """Return the baseline when it is ``dd.dd``.

    Raises:
        InvalidConfiguration: it is not.
    """
    if not _BASELINE.fullmatch(baseline):
        raise InvalidConfiguration(f"processing baseline '{baseline}': expected two digits, a dot, two digits")
    return baseline


def checked_centre(centre: str) -> str:
    """Return the name of a processing or archiving centre when it is of four capitals, digits or underscores.

    Raises:
        InvalidConfiguration: it is not.
    """
    if not _CENTRE.fullmatch(centre):
        raise InvalidConfiguration(f"centre '{centre}': expected four characters of A-Z, 0-9 and _ such as SGS_")
    return centre


def centre_of(identifier: str) -> str:
    """Return the centre in a tile or datastrip identifier.

    Raises:
        InvalidInput: the identifier has another form.
    """
    match = _LONG_ID.search(identifier)
    if match is None:
        raise InvalidInput(
            f"identifier '{identifier[:120]}': expected ..._<centre>_<time>_A<orbit>_T<tile> or _S<time>"
        )
    return match["centre"]


def datastrip_start(datastrip_identifier: str) -> str:
    """Return the compact sensing start in a datastrip identifier.

    Raises:
        InvalidInput: the identifier has another form.
    """
    match = _LONG_ID.search(datastrip_identifier)
    if match is None or match["start"] is None:
        raise InvalidInput(f"datastrip identifier '{datastrip_identifier[:120]}': no sensing start _S<time> in it")
    return match["start"]


def platform_of(spacecraft: str) -> str:
    """Return ``S2B`` for ``Sentinel-2B``."""
    return f"S2{spacecraft[-1:]}"


def product_name(
    platform: str, datatake_start: str, baseline: str, relative_orbit: int, tile: str, generation: str
) -> str:
    """Return the folder name of the product; times are compact."""
    number = baseline.replace(".", "")
    return f"{platform}_MSIL2A_{datatake_start}_N{number}_R{relative_orbit:03d}_T{tile}_{generation}.SAFE"


def granule_folder(tile: str, absolute_orbit: int, start: str) -> str:
    """Return the granule's folder name; ``start`` is the sensing start of the datastrip."""
    return f"L2A_T{tile}_A{absolute_orbit:06d}_{start}"


def datastrip_folder(centre: str, generation: str, start: str) -> str:
    """Return the datastrip's folder name."""
    return f"DS_{centre}_{generation}_S{start}"


def tile_id(platform: str, centre: str, generation: str, absolute_orbit: int, tile: str, baseline: str) -> str:
    """Return the TILE_ID."""
    return f"{platform}_OPER_MSI_L2A_TL_{centre}_{generation}_A{absolute_orbit:06d}_T{tile}_N{baseline}"


def datastrip_id(platform: str, centre: str, generation: str, start: str, baseline: str) -> str:
    """Return the DATASTRIP_ID."""
    return f"{platform}_OPER_MSI_L2A_DS_{centre}_{generation}_S{start}_N{baseline}"


def datatake_id(level_1c_identifier: str, baseline: str) -> str:
    """Return the datatake identifier with our baseline, e.g. ``GS2A_20221005T115411_038058_N99.99``."""
    return _ENDING_BASELINE.sub("", level_1c_identifier) + f"_N{baseline}"


def image_prefix(tile: str, datatake_start: str) -> str:
    """Return what all image names of a granule begin with."""
    return f"T{tile}_{datatake_start}"


def image_prefix_of(source: GranuleSource) -> str:
    """Return what the image names of a Level-1C granule's Level-2A begin with."""
    return image_prefix(source.mgrs_tile, compact_time(source.product.datatake_sensing_start))
