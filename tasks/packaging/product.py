"""Assembles a Level-2A product: images, metadata, masks and reports of its granules in one SAFE folder."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lxml import etree

from tasks.common.errors import InternalInconsistency, InvalidInput
from tasks.common.stage import stage_logger
from tasks.common.xml import parse_xml
from tasks.l1c.load import load_source
from tasks.l1c.model import GranuleSource
from tasks.packaging import level_1c_files, naming
from tasks.packaging.datastrip_metadata import datastrip_metadata
from tasks.packaging.description import GranuleProduct, ProductDescription
from tasks.packaging.elements import document
from tasks.packaging.image_list import CLASSIFIED, LISTED_MASKS
from tasks.packaging.inspire import footprint_of, inspire_from_level_1c, minimal_inspire
from tasks.packaging.manifest import ManifestDescription, ManifestFile, manifest
from tasks.packaging.product_metadata import GranuleEntry, product_metadata
from tasks.packaging.quality import GranuleQuality, dem_type, granule_quality, merged, no_quality, quality_report
from tasks.packaging.rep_info import processing_report, schema_tops
from tasks.packaging.tile_metadata import MaskEntry, TileIdentity, tile_metadata
from tasks.packaging.unfinished import unfinished_product

_CHUNK_BYTES: Final = 4 << 20


@dataclass(frozen=True, eq=False)
class _Granule:
    """A granule with its names in the product."""

    results: GranuleProduct
    source: GranuleSource
    folder: str
    tile_id: str
    datastrip_id: str
    datastrip_folder: str
    processing_centre: str
    archiving_centre: str
    quality: GranuleQuality


def assemble_product(output_dir: Path, description: ProductDescription, granules: Sequence[GranuleProduct]) -> Path:
    """Write the product and return its folder; it appears complete or not at all.

    Images are hard links to the artefacts where the file system allows it, else copies; files of the Level-1C product
    are copied. With the same generation time the same inputs give the same bytes.

    Args:
        output_dir: where the product's folder is made; created when it does not exist.
        granules: the product's granules, all of one Level-1C product, in the order of the metadata.

    Raises:
        InvalidConfiguration: a product of that name exists, or a centre or baseline is malformed.
        InvalidInput: the Level-1C metadata lack what must be copied.
        InternalInconsistency: no granule, or a granule without the stages needed.
        TransientIO: a file cannot be read or written.
    """
    if not granules:
        raise InternalInconsistency("packaging was called without a granule")
    parts = [_named(granule, load_source(granule.tile), description) for granule in granules]
    name = _product_name(parts, description)
    target = output_dir.absolute() / name
    with unfinished_product(target, name.rpartition("_")[0]) as folder:
        (folder / "AUX_DATA").mkdir()
        for part in parts:
            _write_granule(folder, part, description)
        for strip in dict.fromkeys(part.datastrip_folder for part in parts):
            _write_datastrip(folder, [part for part in parts if part.datastrip_folder == strip], description)
        _write_product_files(folder, name, parts, description)
        _write_manifest(folder, parts, description)
    return target


def _generation(description: ProductDescription) -> str:
    return naming.compact_time(naming.iso_time(description.generation_time))


def _named(granule: GranuleProduct, source: GranuleSource, description: ProductDescription) -> _Granule:
    """Give a granule its names and collect its figures."""
    baseline = naming.checked_baseline(description.processing_baseline)
    centre = naming.checked_centre(description.processing_centre or naming.centre_of(source.tile.tile_id))
    start = naming.datastrip_start(source.tile.datastrip_id)
    platform = naming.platform_of(source.product.spacecraft)
    generation = _generation(description)
    return _Granule(
        results=granule,
        source=source,
        folder=naming.granule_folder(source.mgrs_tile, source.absolute_orbit, start),
        tile_id=naming.tile_id(platform, centre, generation, source.absolute_orbit, source.mgrs_tile, baseline),
        datastrip_id=naming.datastrip_id(platform, centre, generation, start, baseline),
        datastrip_folder=naming.datastrip_folder(centre, generation, start),
        processing_centre=centre,
        archiving_centre=naming.checked_centre(description.archiving_centre or source.tile.archiving_centre),
        quality=_quality(granule, source),
    )


def _quality(granule: GranuleProduct, source: GranuleSource) -> GranuleQuality:
    degraded = source.tile.degraded_percentage
    if granule.tree_only:
        return no_quality(degraded)
    return granule_quality(granule, degraded, list(level_1c_files.auxiliary_files(source)))


def _product_name(parts: Sequence[_Granule], description: ProductDescription) -> str:
    product = parts[0].source.product
    return naming.product_name(
        naming.platform_of(product.spacecraft),
        naming.compact_time(product.datatake_sensing_start),
        description.processing_baseline,
        product.relative_orbit,
        parts[0].source.mgrs_tile if len(parts) == 1 else naming.SEVERAL_TILES,
        _generation(description),
    )


def _dem_type(part: _Granule, description: ProductDescription) -> str:
    return description.dem_type or dem_type(part.results)


def _write(path: Path, root: etree._Element) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(document(root))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _link(source: Path, target: Path) -> None:
    """Make ``target`` a hard link to an artefact's file, or a copy where links are not possible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _write_granule(folder: Path, part: _Granule, description: ProductDescription) -> None:
    images = part.results.stage("images")
    granule = folder / "GRANULE" / part.folder
    for name in sorted(images.files):
        _link(images.folder / name, granule / name)
    for name in part.results.image_names:
        (granule / name).parent.mkdir(parents=True, exist_ok=True)
    for name, path in level_1c_files.auxiliary_files(part.source).items():
        _copy(path, granule / "AUX_DATA" / name)
    copied = level_1c_files.masks(part.source)
    for mask, path in copied:
        _copy(path, granule / "QI_DATA" / mask.file)
    for name, path in level_1c_files.quality_reports(part.results.tile.granule_dir).items():
        _copy(path, granule / "QI_DATA" / name)
    if part.results.tree_only:
        _copy_preview(part, granule)
    else:
        _write_quality_report(granule, part, description)
    entries = [mask for mask, _ in copied] + _new_masks(part.results)
    _write(granule / "MTD_TL.xml", _tile_metadata(part, description, entries))


def _copy_preview(part: _Granule, granule: Path) -> None:
    """Copy the Level-1C's preview, where there is one, into a product whose images were not made."""
    if part.source.pvi_file is not None:
        _copy(part.source.pvi_file, granule / "QI_DATA" / _preview_name(part.source))


def _write_quality_report(granule: Path, part: _Granule, description: ProductDescription) -> None:
    report = quality_report(
        part.quality,
        part.folder,
        naming.platform_of(part.source.product.spacecraft),
        (description.processor_name, description.processor_version),
        description.generation_time,
        description.look_up_tables,
    )
    _write(granule / "QI_DATA" / "L2A_QUALITY.xml", report)


def _new_masks(results: GranuleProduct) -> list[MaskEntry]:
    """Return the Level-2A's masks that the metadata list, in their order."""
    names, suffix = set(results.image_names), results.image_format.suffix
    return [
        MaskEntry(type=kind, band_id=None, file=f"{kind}_{resolution}m{suffix}")
        for resolution in CLASSIFIED
        for kind in LISTED_MASKS
        if f"QI_DATA/{kind}_{resolution}m" in names
    ]


def _preview_name(source: GranuleSource) -> str:
    return f"{naming.image_prefix_of(source)}_PVI.jp2"


def _tile_metadata(part: _Granule, description: ProductDescription, masks: list[MaskEntry]) -> etree._Element:
    identity = TileIdentity(
        granule=part.folder,
        level_1c_tile_id=part.source.tile.tile_id,
        tile_id=part.tile_id,
        datastrip_id=part.datastrip_id,
        archiving_centre=part.archiving_centre,
        archiving_time=naming.iso_time(description.generation_time),
    )
    preview = _preview_name(part.source)
    return tile_metadata(parse_xml(part.source.tile.path).element, identity, part.quality, masks, preview)


def _write_datastrip(folder: Path, parts: Sequence[_Granule], description: ProductDescription) -> None:
    """Write the folder of a datastrip; products whose Level-1C was delivered without one have none."""
    first = parts[0]
    if first.source.datastrip_metadata is None:
        return
    datastrip = folder / "DATASTRIP" / first.datastrip_folder
    root = datastrip_metadata(
        parse_xml(first.source.datastrip_metadata).element,
        description,
        (first.processing_centre, first.archiving_centre),
        _dem_type(first, description),
        [part.tile_id for part in parts],
    )
    _write(datastrip / "MTD_DS.xml", root)
    (datastrip / "QI_DATA").mkdir()
    for name, path in level_1c_files.quality_reports(first.results.tile.datastrip_dir).items():
        _copy(path, datastrip / "QI_DATA" / name)


def _write_product_files(folder: Path, name: str, parts: Sequence[_Granule], description: ProductDescription) -> None:
    product = parts[0].source.product
    level_1c = parse_xml(product.path).element
    entries = [
        GranuleEntry(
            tile_id=part.tile_id,
            datastrip_id=part.datastrip_id,
            image_format=part.results.image_format.metadata_name,
            images=tuple(
                f"GRANULE/{part.folder}/{name}" for name in part.results.image_names if name.startswith("IMG_DATA/")
            ),
        )
        for part in parts
    ]
    quality = merged([part.quality for part in parts])
    root = product_metadata(level_1c, name, description, _dem_type(parts[0], description), entries, quality)
    _write(folder / "MTD_MSIL2A.xml", root)
    _write(folder / "INSPIRE.xml", _inspire(product.path.parent, name, level_1c, product.start_time, description))
    rep_info = folder / "rep_info"
    for file, schema in schema_tops().items():
        _write(rep_info / file, schema)
    for gipp in description.gipps:
        _copy(gipp.path, rep_info / gipp.path.name)
    report = processing_report(description, name, [part.results for part in parts])
    _write(rep_info / f"{name.removesuffix('.SAFE')}_report.xml", report)


def _inspire(
    product_dir: Path, name: str, level_1c: etree._Element, start: str, description: ProductDescription
) -> etree._Element:
    path = product_dir / "INSPIRE.xml"
    if path.is_file():
        try:
            return inspire_from_level_1c(parse_xml(path).element, name)
        except InvalidInput as error:
            stage_logger().warning("%s: a new INSPIRE.xml is written", error)
    return minimal_inspire(name, footprint_of(level_1c), start, naming.iso_time(description.generation_time))


def _write_manifest(folder: Path, parts: Sequence[_Granule], description: ProductDescription) -> None:
    product = parts[0].source.product
    algorithm = level_1c_files.checksum_algorithm(parts[0].results.tile.product_dir)
    files = [
        ManifestFile(
            path=path.relative_to(folder).as_posix(), size=path.stat().st_size, checksum=_checksum(path, algorithm)
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    about = ManifestDescription(
        start_time=product.start_time,
        absolute_orbit=parts[0].source.absolute_orbit,
        relative_orbit=product.relative_orbit,
        orbit_direction=product.orbit_direction,
        spacecraft=product.spacecraft,
        generation_time=naming.iso_time(description.generation_time),
        footprint=footprint_of(parse_xml(product.path).element),
    )
    _write(folder / "manifest.safe", manifest(files, about, algorithm))


def _checksum(path: Path, algorithm: str) -> str:
    digest = hashlib.sha3_256() if algorithm == "SHA3-256" else hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
