"""The tile's report in Markdown: verdict, classes, atmosphere, fall-backs, stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tasks.common.records import Fallback, StageResult, TileRef

CLASS_NAMES: Final[dict[str, str]] = {
    "NODATA_PIXEL_PERCENTAGE": "no data (of all pixels)",
    "SATURATED_DEFECTIVE_PIXEL_PERCENTAGE": "1 saturated or defective",
    "DARK_FEATURES_PERCENTAGE": "2 dark or topographic shadow",
    "CLOUD_SHADOW_PERCENTAGE": "3 cloud shadow",
    "VEGETATION_PERCENTAGE": "4 vegetation",
    "NOT_VEGETATED_PERCENTAGE": "5 not vegetated",
    "WATER_PERCENTAGE": "6 water",
    "UNCLASSIFIED_PERCENTAGE": "7 unclassified",
    "MEDIUM_PROBA_CLOUDS_PERCENTAGE": "8 cloud, medium probability",
    "HIGH_PROBA_CLOUDS_PERCENTAGE": "9 cloud, high probability",
    "THIN_CIRRUS_PERCENTAGE": "10 thin cirrus",
    "SNOW_ICE_PERCENTAGE": "11 snow or ice",
}
"""Metadata element of each class percentage and the words for it."""


def class_percentages(image_content: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return (class, percentage) in class order, for those that the statistics hold."""
    return [(words, float(image_content[key])) for key, words in CLASS_NAMES.items() if key in image_content]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _atmosphere(by_name: Mapping[str, StageResult]) -> str:
    if "aot" not in by_name:
        return "Scene classification only: the atmosphere was not corrected."
    aot, vapour = by_name["aot"].statistics, by_name["water_vapour"].statistics
    return (
        f"Mean AOT(550 nm) **{aot['mean_aot']:.3f}** ({aot['retrieval_method']}), "
        f"mean water vapour **{vapour['mean_water_vapour_cm']:.2f} cm**."
    )


def _second_mask(found: Mapping[str, Any]) -> list[str]:
    """Return how far another cloud mask agrees with the scene classification, and class by class."""
    words = {text.partition(" ")[0]: text for text in CLASS_NAMES.values()}
    return [
        f"{found['program']}: {found['cloud_percentage']:.2f} % cloud. It agrees with the scene classification on "
        f"**{found['agreement_percentage']:.2f} %**; {found['only_second_percentage']:.2f} % are cloud for it alone, "
        f"{found['only_scl_percentage']:.2f} % for the scene classification alone.",
        _table(
            ("class", "share, %", "of it cloud for the second mask, %"),
            [
                (words.get(code, code), f"{row['share']:.2f}", f"{row['cloud']:.2f}")
                for code, row in found["cloud_by_class"].items()
            ],
        ),
    ]


def tile_report(tile: TileRef, stages: Sequence[StageResult], fallbacks: Sequence[Fallback]) -> str:
    """Return the report of one processed tile as Markdown."""
    by_name = {stage.stage: stage for stage in stages}
    content = by_name["classification"].statistics["image_content_qi"]
    verdict = "complete" if not fallbacks else f"degraded ({len(fallbacks)} fall-backs)"
    parts = [
        f"# {tile.key}: {verdict}",
        _atmosphere(by_name),
        "## Classes",
        _table(("class", "%"), [(words, f"{share:.2f}") for words, share in class_percentages(content)]),
    ]
    if "second_cloud_mask" in by_name:
        parts += ["## Second cloud mask", *_second_mask(by_name["second_cloud_mask"].statistics)]
    if fallbacks:
        parts += ["## Fall-backs", _table(("code", "what was done"), [(f.code, f.message) for f in fallbacks])]
    rows = [
        (stage.stage, name, _number(value))
        for stage in stages
        for name, value in stage.statistics.items()
        if isinstance(value, (int, float, str))
    ]
    parts += ["## Stages", _table(("stage", "figure", "value"), rows)]
    parts += ["## Results", _table(("stage", "fingerprint"), [(s.stage, f"`{s.fingerprint}`") for s in stages])]
    return "\n\n".join(parts) + "\n"
