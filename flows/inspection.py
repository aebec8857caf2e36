"""What a folder holds: a Level-1C or Level-2A product, a work folder's stages, or an archive's ledger."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from flows.archive.ledger import FOLDER, Entry, Ledger, product_exists
from tasks.common.artefacts import load_result
from tasks.common.errors import InvalidInput
from tasks.common.records import Fallback, Record, StageResult
from tasks.common.xml import parse_xml
from tasks.l1c.archive import open_input
from tasks.l1c.load import load_source, tile_references

_METADATA: str = "MTD_MSIL2A.xml"
_ATMOSPHERE = ("AOT_RETRIEVAL_METHOD", "GRANULE_MEAN_AOT", "GRANULE_MEAN_WV", "OZONE_SOURCE", "OZONE_VALUE")


class Granule(Record):
    """One granule of a product."""

    name: str
    figures: dict[str, str | float] = {}
    fallbacks: tuple[Fallback, ...] = ()


class ProductInside(Record):
    """A Level-1C or Level-2A product."""

    kind: Literal["Level-1C", "Level-2A"]
    path: Path
    figures: dict[str, str | float]
    granules: tuple[Granule, ...]
    complete: bool = True
    """False for a Level-2A product without its manifest."""


class StoredStage(Record):
    """One result in a work folder."""

    stage: str
    fingerprint: str
    sound: bool
    """False: missing, cut off or altered files; a run makes it again."""
    version: str = ""
    bytes: int = 0
    statistics: dict[str, Any] = {}
    fallbacks: tuple[Fallback, ...] = ()


class StoredTile(Record):
    """The stages of one tile, in the order in which they were written."""

    key: str
    stages: tuple[StoredStage, ...]


class WorkFolder(Record):
    """A work folder, or one tile's store."""

    kind: Literal["work folder"] = "work folder"
    path: Path
    tiles: tuple[StoredTile, ...]


class ArchiveFolder(Record):
    """An output folder of archive runs."""

    kind: Literal["archive"] = "archive"
    path: Path
    counts: dict[str, int]
    entries: tuple[Entry, ...]
    missing: tuple[str, ...]
    """Products that the ledger calls done and that are not there."""


Inspection = ProductInside | WorkFolder | ArchiveFolder


def inspect_path(path: Path) -> Inspection:
    """Return what a path holds.

    Raises:
        InvalidInput: nothing that this program reads or writes.
        TransientIO: a file cannot be read.
    """
    if (path / FOLDER / "ledger").is_dir():
        return _archive(path)
    if (path / _METADATA).is_file():
        return _level_2a(path)
    tiles = tuple(_tiles(path)) if path.is_dir() else ()
    return WorkFolder(path=path, tiles=tiles) if tiles else _level_1c(path)


def _archive(path: Path) -> ArchiveFolder:
    entries = tuple(Ledger(path).entries())
    return ArchiveFolder(
        path=path,
        counts=dict(Counter(entry.status.value for entry in entries)),
        entries=entries,
        missing=tuple(e.key for e in entries if e.status == "done" and not product_exists(e)),
    )


def _tiles(path: Path) -> Iterator[StoredTile]:
    """Yield the stores in a work folder (also one level deeper, where nobody chose it), or the store itself."""
    stages = tuple(_stages(path))
    if stages:
        yield StoredTile(key=path.name, stages=stages)
        return
    for folder in sorted(path.iterdir()):
        for store in [folder, *(sorted(folder.iterdir()) if folder.is_dir() else [])]:
            found = tuple(_stages(store)) if store.is_dir() else ()
            if found:
                yield StoredTile(key=store.name, stages=found)


def _stages(store: Path) -> Iterator[StoredStage]:
    for file in sorted(store.glob("[!.]*/[!.]*/result.json"), key=lambda f: f.stat().st_mtime_ns):
        result = load_result(file.parent)
        if result is None:
            yield StoredStage(stage=file.parent.parent.name, fingerprint=file.parent.name, sound=False)
        else:
            yield _sound(result)


def _sound(result: StageResult) -> StoredStage:
    return StoredStage(
        stage=result.stage,
        fingerprint=result.fingerprint,
        sound=True,
        version=result.version,
        bytes=sum(record.size for record in result.files.values()),
        statistics=result.statistics,
        fallbacks=result.fallbacks,
    )


def _level_1c(path: Path) -> ProductInside:
    """Read a Level-1C product's metadata; an archive is unpacked for the moment."""
    with tempfile.TemporaryDirectory(prefix="sen2flow-") as name:
        work_dir = Path(name)
        product = open_input(path, work_dir)
        granules = []
        for tile in tile_references(product, work_dir):
            source = load_source(tile)
            figures: dict[str, str | float] = {
                "tile": source.mgrs_tile,
                "sensed": source.tile.sensing_time,
                "rows (10 m)": source.tile.grid.rows,
                "columns": source.tile.grid.cols,
                "EPSG": source.tile.grid.epsg,
                "mean sun zenith [deg]": round(source.tile.mean_sun_zenith_deg, 3),
                "cloud [%]": source.tile.cloud_percentage,
                "bands": len(source.band_files),
                "auxiliary files": " ".join(sorted(source.aux_files)) or "none",
                "work folder": tile.key,
            }
            granules.append(Granule(name=tile.granule_dir.name, figures=figures))
        about = source.product
        described: dict[str, str | float] = {
            "name": about.product_uri,
            "platform": about.spacecraft,
            "baseline": about.processing_baseline,
            "format": about.psd_host,
            "relative orbit": about.relative_orbit,
            "sensed": about.start_time,
            "generated": about.generation_time,
        }
    return ProductInside(kind="Level-1C", path=path, figures=described, granules=tuple(granules))


def _level_2a(path: Path) -> ProductInside:
    info = parse_xml(path / _METADATA).child("General_Info/Product_Info")
    names = ("PRODUCT_URI", "PROCESSING_BASELINE", "PRODUCT_START_TIME", "GENERATION_TIME")
    figures: dict[str, str | float] = {name: found.text() for name in names if (found := info.find(name)) is not None}
    granules = tuple(_level_2a_granule(file.parent) for file in sorted(path.glob("GRANULE/*/MTD_TL.xml")))
    if not granules:
        raise InvalidInput(f"{path / 'GRANULE'}: no granule in the product")
    complete = (path / "manifest.safe").is_file()
    return ProductInside(kind="Level-2A", path=path, figures=figures, granules=granules, complete=complete)


def _level_2a_granule(folder: Path) -> Granule:
    figures: dict[str, str | float] = {}
    for content in parse_xml(folder / "MTD_TL.xml").descendants("Image_Content_QI"):
        for element in content.all("*"):
            if element.name.endswith("_PERCENTAGE"):
                figures[element.name] = element.number()
            elif element.name in _ATMOSPHERE:
                figures[element.name] = element.text()
    report = folder / "QI_DATA" / "L2A_QUALITY.xml"
    return Granule(name=folder.name, figures=figures, fallbacks=tuple(_substitutes(report)))


def _substitutes(report: Path) -> Iterator[Fallback]:
    """Yield the fall-backs that a quality report of this program lists; ESA's products have none."""
    if not report.is_file():
        return
    for check in parse_xml(report).descendants("check"):
        if check.text("message") == "Documented substitutes":
            for value in check.all("extraValues/value"):
                yield Fallback(code=value.attribute("name"), stage="", message=value.text())
