"""Which auxiliary files a granule was made with, for its quality report. Pure."""

from __future__ import annotations

from typing import Final

from tasks.packaging.description import GranuleProduct

_WORDS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "dem": (("DEM_SOURCE", "source"), ("DEM_REFERENCE", "reference"), ("DEM_EDITION", "edition")),
    "meteo": (("OZONE_SOURCE", "ozone_source"), ("CAMS_SOURCE", "cams_source")),
    "quality_masks": (("QUALITY_MASK_SOURCE", "source"), ("QUALITY_MASK_EDITION", "edition")),
}
"""By stage: names in the report and in the stage's statistics."""

_FILES: Final = {
    "dem": "DEM_FILE", "esa_cci": "MAP_FILE", "meteo": "METEO_FILE", "quality_masks": "QUALITY_MASK_FILE"
}  # fmt: skip
"""By stage, the name under which its files are listed; the maps' editions are part of their names."""


def auxiliary_sources(granule: GranuleProduct) -> tuple[tuple[str, str], ...]:
    """Return names and texts: sources and editions as far as they are known, and each file with its SHA-256."""
    found: list[tuple[str, str]] = []
    for stage, name in _FILES.items():
        statistics = granule.statistics(stage)
        found += [(word, str(statistics[key])) for word, key in _WORDS.get(stage, ()) if statistics.get(key)]
        found += [(name, f"{file['file']} sha256:{file['sha256']}") for file in statistics.get("files", ())]
    return tuple(found)
