"""Which files of the Level-1C product go into the Level-2A product unchanged, and under which names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tasks.common.artefacts import StageWriter
from tasks.common.bands import band_id
from tasks.l1c.model import GranuleSource
from tasks.packaging.manifest import CHECKSUMS
from tasks.packaging.tile_metadata import MaskEntry

_REPORT: Final = re.compile(
    r"(?:.*_)?(FORMAT_CORRECTNESS|GENERAL_QUALITY|GEOMETRIC_QUALITY|RADIOMETRIC_QUALITY|SENSOR_QUALITY)(?:_report)?\.xml"
)
_CHECKSUM_NAME: Final = re.compile(r'checksumName\s*=\s*"([^"]{1,20})"')
_MANIFEST_CHARACTERS: Final = 1 << 20


def quality_reports(folder: Path | None) -> dict[str, Path]:
    """Return the quality reports in the QI_DATA of a granule or datastrip, keyed by their short names."""
    if folder is None or not (folder / "QI_DATA").is_dir():
        return {}
    found = {}
    for path in sorted((folder / "QI_DATA").iterdir()):
        match = _REPORT.fullmatch(path.name)
        if match and path.is_file() and not path.is_symlink():
            found[f"{match[1]}.xml"] = path
    return found


def masks(source: GranuleSource) -> list[tuple[MaskEntry, Path]]:
    """Return the Level-1C masks that exist, in their order."""
    return [
        (
            MaskEntry(type=mask.type, band_id=None if mask.band is None else band_id(mask.band), file=mask.path.name),
            mask.path,
        )
        for mask in source.tile.masks
        if mask.path.is_file()
    ]


def auxiliary_files(source: GranuleSource) -> dict[str, Path]:
    """Return the weather files, keyed by their names in AUX_DATA."""
    return {f"AUX_{kind}": path for kind, path in sorted(source.aux_files.items())}


def note_missing_datastrip(out: StageWriter, source: GranuleSource) -> None:
    """Record ``L2A-PKG-DATASTRIP`` where the Level-1C product was delivered without its datastrip."""
    if source.datastrip_metadata is None:
        out.fall_back(
            "L2A-PKG-DATASTRIP", "the Level-1C product has no datastrip metadata: the product has none either"
        )


def checksum_algorithm(product_dir: Path | None) -> str:
    """Return the checksum algorithm of the Level-1C product's manifest, SHA3-256 where it names none that is known."""
    manifest = None if product_dir is None else product_dir / "manifest.safe"
    if manifest is None or not manifest.is_file():
        return CHECKSUMS[0]
    with manifest.open(encoding="utf-8", errors="replace") as stream:
        match = _CHECKSUM_NAME.search(stream.read(_MANIFEST_CHARACTERS))
    return match[1].upper() if match and match[1].upper() in CHECKSUMS else CHECKSUMS[0]
