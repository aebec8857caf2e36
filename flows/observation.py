"""What a run shows in Prefect: its name, tags, progress bar and the report of each tile."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID

import httpx
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectException
from prefect.runtime import flow_run

from flows.report import tile_report
from tasks.common.records import Fallback, StageResult, TileRef
from tasks.common.stage import stage_logger

_API_ERRORS: Final = (httpx.HTTPError, PrefectException)
_COMPACT_NAME: Final = re.compile(
    r"(?P<platform>S2[A-Z])_MSIL1C_(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)T\d{6}_N(?P<baseline>\d{4})_R\d{3}_T(?P<tile>\w{5})"
)


def product_words(name: str) -> list[str]:
    """Return tile, date, platform and baseline of a product name, or the name itself when it is no compact name."""
    match = _COMPACT_NAME.match(name)
    if match is None:
        return [name]
    return [
        f"T{match['tile']}",
        f"{match['y']}-{match['m']}-{match['d']}",
        match["platform"],
        f"N{match['baseline']}",
    ]


def _tile_words(tile: TileRef) -> list[str]:
    words = product_words(tile.product_dir.name) if tile.product_dir is not None else [tile.key]
    return words if len(words) > 1 else [tile.key]


def tile_run_name() -> str:
    """Name of a ``process-tile`` run, e.g. ``T32TQM 2023-10-22 S2B N0509``."""
    tile = flow_run.parameters["tile"]
    return " ".join(_tile_words(tile if isinstance(tile, TileRef) else TileRef.model_validate(tile)))


def product_run_name() -> str:
    """Name of a ``process-product`` run."""
    request = flow_run.parameters["request"]
    path = request["input_path"] if isinstance(request, dict) else request.input_path
    return " ".join(product_words(str(path).rstrip("/").rsplit("/", 1)[-1]))


def tag_run(*names: str) -> None:
    """Add tags to the current flow run, so that it can be listed by them."""
    run_id = flow_run.id
    if run_id is None:
        return
    try:
        with get_client(sync_client=True) as client:
            present = client.read_flow_run(UUID(str(run_id))).tags
            client.update_flow_run(UUID(str(run_id)), tags=[*present, *(name for name in names if name not in present)])
    except _API_ERRORS as error:
        stage_logger().warning("the run is not tagged: %s", error)


def degradation_tags(fallbacks: Sequence[Fallback]) -> tuple[str, ...]:
    """Return the tags of a run in which documented substitutes were used; none when none was."""
    return ("degraded", *sorted({fallback.code for fallback in fallbacks})) if fallbacks else ()


class TileObserver:
    """Shows one tile's progress and result in the Prefect UI.

    The API is an onlooker here: when it does not answer, the tile goes on and a warning says so.
    """

    def __init__(self, tile: TileRef, steps: Sequence[str]) -> None:
        self._tile = tile
        self._steps = tuple(steps)
        self._key = re.sub(r"[^a-z0-9]+", "-", tile.key.lower()).strip("-")
        self._progress_id: UUID | None = None

    def start(self) -> None:
        """Create the progress artifact."""
        try:
            self._progress_id = create_progress_artifact(  # type: ignore[assignment]
                progress=0.0, key=f"progress-{self._key}", description=f"Stages of {self._tile.key}"
            )
        except _API_ERRORS as error:
            stage_logger().warning("progress is not shown: %s", error)

    def advance(self, step: str) -> None:
        """Move the progress bar to the end of ``step``."""
        if self._progress_id is None or step not in self._steps:
            return
        share = 100.0 * (self._steps.index(step) + 1) / len(self._steps)
        try:
            update_progress_artifact(self._progress_id, progress=share)
        except _API_ERRORS as error:
            stage_logger().warning("progress is not shown: %s", error)

    def report(self, stages: Sequence[StageResult], fallbacks: Sequence[Fallback]) -> None:
        """Publish the tile's report; tag the run ``degraded`` when a documented substitute was used."""
        try:
            create_markdown_artifact(
                tile_report(self._tile, stages, fallbacks),
                key=f"tile-{self._key}",
                description=f"Level-2A processing of {self._tile.key}",
            )
        except _API_ERRORS as error:
            stage_logger().warning("the tile's report is not shown: %s", error)
        tag_run(*degradation_tags(fallbacks))


@contextmanager
def observe_tile(tile: TileRef, steps: Sequence[str]) -> Iterator[TileObserver]:
    """Tag the run with tile, date, platform and baseline, and show its progress.

    Only the run: every tag of a task costs a question to the API whether a concurrency limit guards it.
    """
    observer = TileObserver(tile, steps)
    tag_run(*_tile_words(tile))
    observer.start()
    yield observer
