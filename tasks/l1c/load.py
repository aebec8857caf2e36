"""From a product folder to a tile to process, and from a tile back to its source."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from tasks.common.artefacts import file_digest
from tasks.common.errors import InvalidInput, TransientIO
from tasks.common.records import TileRef
from tasks.common.xml import parse_xml, shown
from tasks.l1c import patterns
from tasks.l1c.archive import InputProduct, metadata_file
from tasks.l1c.datastrip_metadata import DatastripMetadata, parse_datastrip_metadata
from tasks.l1c.model import GranuleSource
from tasks.l1c.source import find_source


def tile_reference(product_dir: Path, granule_dir: Path, work_dir: Path) -> TileRef:
    """Check one granule with its product and datastrip, and return where it is and what its work folder is called.

    The key is made of tile, sensing time and a short hash of the product's and granule's identifiers, so that the same
    product has the same key wherever it lies, zipped or not.

    Raises:
        InvalidInput: the product, the granule or its datastrip is broken (see ``find_source``).
        TransientIO: a file cannot be read.
    """
    source = find_source(product_dir, granule_dir, None)
    datastrip_dir = _datastrip_of(product_dir, source.tile.datastrip_id)
    if datastrip_dir is not None:
        _checked_datastrip(datastrip_dir, source)
    identity = f"{source.product.product_uri}\0{source.tile.tile_id}"
    digest = hashlib.blake2b(identity.encode(), digest_size=4).hexdigest()
    sensed = re.sub(r"\D", "", source.tile.sensing_time)[:14]
    return TileRef(
        key=f"T{source.mgrs_tile}_{sensed[:8]}T{sensed[8:]}_{digest}",
        work_dir=work_dir.absolute(),
        granule_dir=granule_dir.absolute(),
        product_dir=product_dir.absolute(),
        datastrip_dir=datastrip_dir,
    )


def tile_references(product: InputProduct, work_dir: Path) -> tuple[TileRef, ...]:
    """Return the tiles of an opened input in the order of their folders."""
    return tuple(tile_reference(product.product_dir, granule, work_dir) for granule in product.granule_dirs)


def load_source(tile: TileRef) -> GranuleSource:
    """Read a tile's metadata anew (about 0.1 s).

    Raises:
        InvalidInput: as ``find_source``; also a tile without product.
        TransientIO: a file cannot be read.
    """
    if tile.product_dir is None:
        raise InvalidInput(f"{shown(tile.granule_dir)}: a granule without its product's metadata")
    return find_source(tile.product_dir, tile.granule_dir, tile.datastrip_dir)


def load_datastrip(source: GranuleSource) -> DatastripMetadata | None:
    """Read the datastrip's metadata (up to 15 MB); None where the datastrip was not delivered.

    Raises:
        InvalidInput: the file is broken or of another level.
        TransientIO: the file cannot be read.
    """
    if source.datastrip_metadata is None:
        return None
    return parse_datastrip_metadata(parse_xml(source.datastrip_metadata))


def content_fingerprint(source: GranuleSource) -> str:
    """Return a BLAKE2b hash over names, sizes and contents of everything that is read of a granule.

    Metadata of product, granule and datastrip, band images, auxiliary files, masks and quality reports. It
    does not depend on where the product lies.

    Raises:
        TransientIO: a file cannot be read.
    """
    files = [source.product.path, source.tile.path, *source.band_files.values(), *source.aux_files.values()]
    files += [source.datastrip_metadata] if source.datastrip_metadata is not None else []
    files += sorted({mask.path for mask in source.tile.masks if mask.path.is_file()})
    files += sorted((source.tile.path.parent / "QI_DATA").glob("*.xml"))
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        try:
            digest.update(f"{file.name}\0{file.stat().st_size}\0{file_digest(file)}\0".encode())
        except OSError as error:
            raise TransientIO(f"{shown(file)}: cannot be read ({error.strerror})") from error
    return digest.hexdigest()


def _datastrip_of(product_dir: Path, datastrip_id: str) -> Path | None:
    """Return the folder of a datastrip: the one whose name carries its centre and times, or the only one."""
    parent = product_dir / "DATASTRIP"
    try:
        folders = [f for f in parent.iterdir() if f.is_dir()] if parent.is_dir() else []
        folders = [f for f in folders if metadata_file(f, patterns.DATASTRIP_METADATA) is not None]
    except OSError as error:
        raise TransientIO(f"{shown(parent)}: cannot be read ({error.strerror})") from error
    if len(folders) > 1:
        compact = datastrip_id.partition("_L1C_")[2].rpartition("_N")[0]
        folders = [f for f in folders if f.name in (compact, datastrip_id)]
        if len(folders) != 1:
            raise InvalidInput(f"{shown(parent)}: {len(folders)} folders of datastrip {datastrip_id}, expected one")
    return folders[0].absolute() if folders else None


def _checked_datastrip(folder: Path, source: GranuleSource) -> None:
    file = metadata_file(folder, patterns.DATASTRIP_METADATA)
    if file is None:
        return
    if not file.resolve().is_relative_to(source.product.path.parent.resolve()):
        raise InvalidInput(f"{shown(file)}: a link that leaves the product")
    datastrip = parse_datastrip_metadata(parse_xml(file))
    if datastrip.spacecraft != source.product.spacecraft:
        raise InvalidInput(f"{shown(file)}: element SPACECRAFT_NAME: is {datastrip.spacecraft}, the product's is not")
    if datastrip.tile_ids and source.tile.tile_id not in datastrip.tile_ids:
        raise InvalidInput(f"{shown(file)}: element Tile_List: granule {source.tile.tile_id} is not in the datastrip")
