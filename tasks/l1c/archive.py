"""Opening an input: a SAFE folder, a zip archive of one, or a single granule folder inside a product."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tasks.common.errors import InvalidInput, TransientIO
from tasks.common.xml import parse_xml, shown
from tasks.l1c import patterns
from tasks.l1c.zip_archive import extract_archive

EXTRACTION_FOLDER: Final = "extracted"
"""Folder inside the work directory that holds extracted archives."""

_NEITHER: Final = "neither a SAFE folder nor a zip archive of one"


@dataclass(frozen=True)
class InputProduct:
    """A Level-1C user product on disk and the granules of it to process."""

    product_dir: Path
    product_metadata: Path
    granule_dirs: tuple[Path, ...]
    datastrip_dirs: tuple[Path, ...]
    """Empty where no datastrip was delivered."""


def open_input(path: Path, work_dir: Path) -> InputProduct:
    """Find the product, its granules and its datastrips.

    Products are recognised by their content, so that a renamed folder works; the names only make messages clearer.

    Args:
        path: SAFE folder (compact or old long names), zip archive of one, or granule folder inside a product.
        work_dir: archives are extracted into it.

    Raises:
        InvalidInput: nothing there, another processing level, no product, no granule, or more than one product.
        TransientIO: a folder cannot be read or written.
    """
    try:
        if not path.exists():
            raise InvalidInput(f"{shown(path)}: no such file or folder")
        if path.is_dir():
            return _open_folder(path.absolute())
        if not path.is_file():
            raise InvalidInput(f"{shown(path)}: {_NEITHER}")
        if not zipfile.is_zipfile(path):
            with path.open("rb") as stream:
                begins_as_zip = stream.read(4) == b"PK\x03\x04"
            what = "zip archive is cut off, fetch it again" if begins_as_zip else _NEITHER
            raise InvalidInput(f"{shown(path)}: {what}")
        extracted = extract_archive(path, work_dir.absolute() / EXTRACTION_FOLDER)
        return _open_product(_product_in(extracted, path), None)
    except OSError as error:
        raise TransientIO(f"{shown(error.filename or path)}: cannot be read ({error.strerror})") from error


def metadata_file(folder: Path, pattern: re.Pattern[str]) -> Path | None:
    """Return the folder's file whose name matches, None when there is none.

    Raises:
        InvalidInput: there are several, or it is a link to elsewhere.
    """
    found = sorted(entry for entry in folder.iterdir() if pattern.fullmatch(entry.name))
    if len(found) > 1:
        raise InvalidInput(f"{shown(folder)}: holds {found[0].name} and {shown(found[1].name)}, expected one of them")
    if not found:
        return None
    return inside(found[0], folder)


def inside(path: Path, folder: Path) -> Path:
    """Return ``path`` when, links resolved, it lies in ``folder``.

    Raises:
        InvalidInput: it does not, or it is a link to itself.
    """
    try:
        within = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:
        raise InvalidInput(f"{shown(path)}: a link that leads nowhere") from error
    if not within:
        raise InvalidInput(f"{shown(path)}: a link that leaves the product")
    return path


def _open_folder(folder: Path) -> InputProduct:
    if metadata_file(folder, patterns.PRODUCT_METADATA) is None and folder.parent.name == "GRANULE":
        product = folder.parent.parent
        if metadata_file(product, patterns.PRODUCT_METADATA) is not None or not _is_granule(folder):
            return _open_product(product, folder)
    if metadata_file(folder, patterns.PRODUCT_METADATA) is None and _is_granule(folder):
        raise InvalidInput(
            f"{shown(folder)}: a granule without its product; keep it in <product>.SAFE/GRANULE with MTD_MSIL1C.xml"
        )
    return _open_product(folder, None)


def _is_granule(folder: Path) -> bool:
    return metadata_file(folder, patterns.TILE_METADATA) is not None


def _open_product(product: Path, granule: Path | None) -> InputProduct:
    metadata = metadata_file(product, patterns.PRODUCT_METADATA)
    if metadata is None:
        raise _not_a_product(product)
    granules = (_checked_granule(granule, product),) if granule else _granules(product)
    return InputProduct(
        product_dir=product,
        product_metadata=metadata,
        granule_dirs=granules,
        datastrip_dirs=_folders(product, "DATASTRIP"),
    )


def _not_a_product(folder: Path) -> InvalidInput:
    names = [entry.name for entry in folder.iterdir()]
    for name in [folder.name, *names]:
        other = patterns.OTHER_LEVEL.match(name) or patterns.OTHER_METADATA.fullmatch(name)
        if other:
            level = next(group for group in other.groups() if group)
            return InvalidInput(f"{shown(folder)}: a Level-{level[1:]} product, expected Level-1C")
    if not names:
        return InvalidInput(f"{shown(folder)}: empty folder, expected a Level-1C SAFE")
    return InvalidInput(f"{shown(folder)}: no MTD_MSIL1C.xml or S2?_OPER_MTD_SAFL1C_*.xml, not a Level-1C SAFE")


def _folders(product: Path, name: str) -> tuple[Path, ...]:
    parent = product / name
    if not parent.is_dir():
        return ()
    inside(parent, product)
    folders = sorted(entry for entry in parent.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    return tuple(inside(folder, product) for folder in folders)


def _granules(product: Path) -> tuple[Path, ...]:
    granules = tuple(_checked_granule(folder, product) for folder in _folders(product, "GRANULE"))
    if not granules:
        raise InvalidInput(f"{shown(product / 'GRANULE')}: no granule in the product")
    if len(granules) > 1:
        _refuse_duplicates(granules)
    return granules


def _checked_granule(granule: Path, product: Path) -> Path:
    inside(granule, product)
    if not _is_granule(granule):
        raise InvalidInput(f"{shown(granule)}: no MTD_TL.xml or S2?_OPER_MTD_L1C_TL_*.xml in the granule")
    return granule


def _refuse_duplicates(granules: tuple[Path, ...]) -> None:
    seen: dict[str, Path] = {}
    for granule in granules:
        file = metadata_file(granule, patterns.TILE_METADATA)
        if file is None:
            continue
        tile_id = parse_xml(file).text("General_Info/TILE_ID")
        if tile_id in seen:
            raise InvalidInput(f"{shown(granule)}: the same granule {shown(tile_id)} as in {shown(seen[tile_id].name)}")
        seen[tile_id] = granule


def _product_in(extracted: Path, archive: Path) -> Path:
    """Return the product's folder in an extracted archive: its top or the one folder of its top that is a product."""
    candidates = [extracted, *sorted(entry for entry in extracted.iterdir() if entry.is_dir())]
    products = [folder for folder in candidates if metadata_file(folder, patterns.PRODUCT_METADATA) is not None]
    if len(products) > 1:
        raise InvalidInput(f"{shown(archive)}: holds {len(products)} products, expected one")
    if not products:
        named = [f for f in candidates[1:] if f.name.endswith(".SAFE") or patterns.OTHER_LEVEL.match(f.name)]
        reason = str(_not_a_product(named[0] if named else extracted))
        raise InvalidInput(f"{shown(archive)}: {reason.partition(': ')[2]}")
    return products[0]
