"""Finds Level-1C products: in a folder tree, by a glob, in a list file, or through a STAC API."""

from __future__ import annotations

import glob
import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Final

from flows.archive.request import ArchiveSource, Candidate
from flows.archive.stac_search import search_items
from tasks.common.errors import InvalidConfiguration, TransientIO

_COMPACT: Final = re.compile(
    r"S2[A-Z]_MSIL1C_(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)T\d{6}_N(?P<b1>\d\d)(?P<b2>\d\d)_R\d{3}_T(?P<tile>\w{5})_\w+"
)
_LONG: Final = re.compile(r"S2[A-Z]_OPER_PRD_MSIL1C_\w+_V(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)T\w+")
_ENDINGS: Final = (".SAFE.zip", ".SAFE", ".zip")
_CLOUD: Final = re.compile(rb"<Cloud_Coverage_Assessment>\s*([0-9.eE+-]+)\s*<")
_METADATA: Final = re.compile(r"(?:[^/]+/)?(?:MTD_MSIL1C|S2[A-Z]_OPER_MTD_SAFL1C_\w+)\.xml")
_LARGEST_METADATA: Final = 32 << 20


def discover(source: ArchiveSource) -> tuple[Candidate, ...]:
    """Return the products wanted, each once, in the order of sensing day and name.

    Raises:
        InvalidConfiguration: the source is not there or is no list of products.
        TransientIO: a folder or the STAC API cannot be read.
    """
    if source.source.startswith(("http://", "https://")):
        found: Iterable[Candidate] = search_items(source, of_name)
    else:
        found = (of_name(path.name, str(path)) for path in _local(source.source))
    chosen: dict[str, Candidate] = {}
    for candidate in found:
        present = chosen.get(candidate.key)
        if present is None or (present.location.endswith(".zip") and not candidate.location.endswith(".zip")):
            chosen[candidate.key] = candidate
    wanted = (candidate for candidate in chosen.values() if is_wanted(candidate, source))
    return tuple(sorted(wanted, key=lambda c: (c.sensed or date.min, c.key)))


def of_name(name: str, location: str, cloud: float | None = None) -> Candidate:
    """Return what a product's name tells about it."""
    stem = name
    for ending in _ENDINGS:
        if stem.endswith(ending):
            stem = stem.removesuffix(ending)
            break
    key = re.sub(r"[^A-Za-z0-9_.-]", "_", stem).lstrip(".") or "_"
    match = _COMPACT.fullmatch(stem) or _LONG.fullmatch(stem)
    if match is None:
        return Candidate(key=key, location=location, cloud=cloud)
    words = match.groupdict()
    try:
        sensed = date(int(words["y"]), int(words["m"]), int(words["d"]))
    except ValueError:
        return Candidate(key=key, location=location, cloud=cloud)
    baseline = f"{words['b1']}.{words['b2']}" if words.get("b1") else None
    return Candidate(key=key, location=location, tile=words.get("tile"), sensed=sensed, baseline=baseline, cloud=cloud)


def is_wanted(candidate: Candidate, source: ArchiveSource) -> bool:
    """Tell whether a product passes the filters; what is not known of it never shuts it out."""
    tiles = {tile.removeprefix("T") for tile in source.tiles}
    if tiles and candidate.tile is not None and candidate.tile not in tiles:
        return False
    if candidate.sensed is not None:
        if source.date_from is not None and candidate.sensed < source.date_from:
            return False
        if source.date_to is not None and candidate.sensed > source.date_to:
            return False
    if source.baselines and candidate.baseline is not None and candidate.baseline not in source.baselines:
        return False
    if source.max_cloud is None:
        return True
    cloud = candidate.cloud if candidate.cloud is not None else cloud_cover(Path(candidate.location))
    return cloud is None or cloud <= source.max_cloud


def cloud_cover(product: Path) -> float | None:
    """Return the cloud cover [%] in a product's metadata, None when it cannot be found."""
    try:
        if product.is_dir():
            files = [f for f in product.iterdir() if _METADATA.fullmatch(f.name)]
            text = files[0].read_bytes() if files else b""
        elif zipfile.is_zipfile(product):
            with zipfile.ZipFile(product) as archive:
                members = [i for i in archive.infolist() if _METADATA.fullmatch(i.filename)]
                small = members and members[0].file_size < _LARGEST_METADATA
                text = archive.read(members[0]) if small else b""
        else:
            return None
    except (OSError, zipfile.BadZipFile):
        return None
    match = _CLOUD.search(text)
    return None if match is None else float(match[1])


def _local(source: str) -> Iterator[Path]:
    path = Path(source).expanduser()
    if path.is_dir():
        yield from ([path.absolute()] if _is_product(path) else _walk(path.absolute()))
    elif path.is_file() and not _is_product(path):
        yield from _listed(path)
    elif path.exists():
        yield path.absolute()
    elif glob.has_magic(source):
        for name in sorted(glob.glob(str(path), recursive=True)):
            found = Path(name).absolute()
            yield from ([found] if _is_product(found) else _walk(found))
    else:
        raise InvalidConfiguration(f"{source}: no such file or folder, and no glob or STAC address")


def _is_product(path: Path) -> bool:
    if path.name.endswith(".SAFE") and path.is_dir():
        return "MSIL2A" not in path.name
    if path.suffix == ".zip" and path.is_file():
        return "MSIL1C" in path.name or not path.name.startswith("S2")
    return False


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the products below a folder, without looking into products or hidden folders."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name) if folder.is_dir() else []
    except OSError as error:
        raise TransientIO(f"{folder}: cannot be read ({error.strerror})") from error
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith("."):
            continue
        if _is_product(path):
            yield path
        elif entry.is_dir(follow_symlinks=False) and not entry.name.endswith(".SAFE"):
            yield from _walk(path)


def _listed(path: Path) -> Iterator[Path]:
    """Yield the products named in a text file: one a line, relative to the file, ``#`` begins a comment."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfiguration(f"{path}: no readable list of products") from error
    for line in lines:
        name = line.partition("#")[0].strip()
        if name:
            yield (path.absolute().parent / Path(name).expanduser()).absolute()
