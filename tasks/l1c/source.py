"""Finding everything that belongs to one granule, and checking that it stays inside the product and fits together."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from tasks.common.bands import BANDS, NATIVE_RESOLUTION
from tasks.common.errors import InvalidInput, TransientIO
from tasks.common.xml import Node, parse_xml, shown
from tasks.l1c import patterns
from tasks.l1c.archive import inside, metadata_file
from tasks.l1c.decode import check_image
from tasks.l1c.model import GranuleSource, MaskFile, ProductMetadata, TileMetadata
from tasks.l1c.product_metadata import image_references, parse_product_metadata
from tasks.l1c.tile_metadata import parse_tile_metadata

TRUE_COLOUR: Final = "TCI"


def find_source(product_dir: Path, granule_dir: Path, datastrip_dir: Path | None) -> GranuleSource:
    """Read the metadata of one granule, find its files and check the images' headers.

    Raises:
        InvalidInput: broken metadata, product and granule that do not belong together, a missing band, a reference
            that leaves the product, or an image that disagrees with the metadata.
        TransientIO: a file cannot be read.
    """
    try:
        root = parse_xml(_required(product_dir, patterns.PRODUCT_METADATA, "product metadata"))
        product = parse_product_metadata(root)
        tile_file = _required(granule_dir, patterns.TILE_METADATA, "granule metadata")
        tile = parse_tile_metadata(parse_xml(tile_file))
        _check_membership(product, tile)
        images = _images(product_dir, granule_dir, image_references(root)[tile.tile_id], root)
        bands = _bands(images, granule_dir)
        for band, file in bands.items():
            check_image(file, tile.grid.at(NATIVE_RESOLUTION[band]))
        masks = tuple(_mask(mask, granule_dir, tile_file) for mask in tile.masks)
        name = patterns.TILE_ID.fullmatch(tile.tile_id)
        if name is None:
            raise InvalidInput(f"{shown(tile_file)}: element TILE_ID: is no identifier of a Level-1C granule")
        return GranuleSource(
            product=product,
            tile=replace(tile, masks=masks),
            mgrs_tile="".join(name.groups()[1:]),
            absolute_orbit=int(name.group(1)),
            band_files=bands,
            tci_file=images.get(TRUE_COLOUR),
            pvi_file=_preview(granule_dir),
            datastrip_metadata=_datastrip(datastrip_dir),
            aux_files=_auxiliary(granule_dir),
        )
    except OSError as error:
        raise TransientIO(f"{shown(error.filename or granule_dir)}: cannot be read ({error.strerror})") from error


def _required(folder: Path, pattern: re.Pattern[str], what: str) -> Path:
    file = metadata_file(folder, pattern) if folder.is_dir() else None
    if file is None:
        raise InvalidInput(f"{shown(folder)}: no {what} in the folder")
    return file


def _check_membership(product: ProductMetadata, tile: TileMetadata) -> None:
    if tile.tile_id not in product.granule_ids:
        raise InvalidInput(
            f"{shown(tile.path)}: element TILE_ID: {tile.tile_id} is not in the granule list of {product.path.name}"
        )
    if tile.datastrip_id not in product.datastrip_ids:
        raise InvalidInput(
            f"{shown(tile.path)}: element DATASTRIP_ID: {tile.datastrip_id} is not in {product.path.name}"
        )
    if tile.tile_id[:3] != product.spacecraft.replace("Sentinel-", "S"):
        raise InvalidInput(f"{shown(tile.path)}: element TILE_ID: is not of {product.spacecraft}")


def _safe_reference(text: str, file: Path, element: str) -> PurePosixPath:
    """Return a reference of the metadata after checking that it cannot lead out of the product."""
    reference = PurePosixPath(text)
    if reference.is_absolute() or ".." in reference.parts or "\\" in text or ":" in text or not text.isprintable():
        raise InvalidInput(f"{shown(file)}: element {element}: {shown(text)} leaves the product")
    return reference


def _images(product_dir: Path, granule_dir: Path, references: tuple[str, ...], root: Node) -> dict[str, Path]:
    """Return the band and TCI images by name: those the product lists, then those that lie in IMG_DATA."""
    folder = granule_dir / "IMG_DATA"
    images: dict[str, Path] = {}
    for text in references:
        reference = _safe_reference(text, root.file, "IMAGE_FILE")
        match = patterns.BAND_IMAGE.fullmatch(reference.name)
        if match is None:
            continue
        name = reference.name if reference.suffix.lower() == ".jp2" else reference.name + ".jp2"
        if len(reference.parts) > 1 and (product_dir / reference.parent / name).is_file():
            file = inside(product_dir / reference.parent / name, product_dir)
            if not file.resolve().is_relative_to(granule_dir.resolve()):
                raise InvalidInput(f"{shown(root.file)}: element IMAGE_FILE: {shown(text)} is of another granule")
        elif (folder / name).is_file():
            file = inside(folder / name, product_dir)
        else:
            continue
        _add(images, match.group(1).upper(), file)
    listed = set(images)
    if folder.is_dir():
        for file in sorted(inside(folder, product_dir).iterdir()):
            match = patterns.BAND_IMAGE.fullmatch(file.name)
            if match and file.suffix.lower() == ".jp2" and match.group(1).upper() not in listed:
                _add(images, match.group(1).upper(), inside(file, product_dir))
    return images


def _add(images: dict[str, Path], name: str, file: Path) -> None:
    if name in images:
        raise InvalidInput(f"{shown(file)}: second image of {name}, the first is {shown(images[name].name)}")
    images[name] = file


def _bands(images: dict[str, Path], granule_dir: Path) -> dict[str, Path]:
    missing = [band for band in BANDS if band not in images]
    if missing:
        raise InvalidInput(f"{shown(granule_dir / 'IMG_DATA')}: no image of band {', '.join(missing)}")
    for band in BANDS:
        if not images[band].is_file():
            raise InvalidInput(f"{shown(images[band])}: is no file, expected the image of band {band}")
    return {band: images[band] for band in BANDS}


def _mask(mask: MaskFile, granule_dir: Path, tile_file: Path) -> MaskFile:
    """Return the mask with its place in the granule's QI_DATA; the file itself may be missing."""
    reference = _safe_reference(str(mask.path), tile_file, "MASK_FILENAME")
    return replace(mask, path=inside(granule_dir / "QI_DATA" / reference.name, granule_dir))


def _preview(granule_dir: Path) -> Path | None:
    folder = granule_dir / "QI_DATA"
    found = sorted(folder.glob("*PVI*.jp2")) if folder.is_dir() else []
    return inside(found[0], granule_dir) if found else None


def _auxiliary(granule_dir: Path) -> dict[str, Path]:
    folder = granule_dir / "AUX_DATA"
    files: dict[str, Path] = {}
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        match = patterns.AUXILIARY.fullmatch(file.name)
        if match and file.is_file():
            kind = "ECMWFT" if match.group(1).startswith("ECMWF") else "CAMSFO"
            files.setdefault(kind, inside(file, granule_dir))
    return files


def _datastrip(folder: Path | None) -> Path | None:
    return metadata_file(folder, patterns.DATASTRIP_METADATA) if folder is not None and folder.is_dir() else None
