"""Many Level-1C products to Level-2A: discover, skip what is done, process the rest in bounded waves, summarise.

The same function runs as the flow ``process-archive`` and without any server.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import httpx
from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectException
from prefect.runtime import flow_run
from prefect.states import Failed

from flows.archive.claims import is_claimed
from flows.archive.decide import finished_row
from flows.archive.deployed import run_deployed
from flows.archive.described import with_item
from flows.archive.discovery import discover
from flows.archive.dispatch import RunOne, run_all
from flows.archive.identity import configuration_digest, input_stamp
from flows.archive.ledger import Ledger
from flows.archive.processes import run_in_process
from flows.archive.request import ArchiveOutcome, ArchiveRequest, Candidate, Ending, Item, Limits, Row
from flows.archive.room import require_disk
from flows.archive.summary import one_line, table, write_csv
from flows.request import ProcessingOptions, ProductRequest
from tasks.common.stage import stage_logger

Ended = Callable[[Row], None]
"""Called with each product's line as it comes."""

_OPTIONS: Final = frozenset(ProcessingOptions.model_fields)


def _quiet(_row: Row) -> None:
    """Tell nobody."""


def run_archive(request: ArchiveRequest, ended: Ended = _quiet) -> ArchiveOutcome:
    """Process the products wanted that are not done yet.

    Raises:
        L2AError: the source, the configuration or the output folder cannot be used; single products never raise.
    """
    candidates = discover(request)
    require_disk(request.output_dir, request.limits.disk_mb)
    configuration = configuration_digest(request)
    ledger = Ledger(request.output_dir)
    rows: list[Row] = []
    items: list[Item] = []
    for candidate in candidates:
        item = _item(candidate, request)
        row = _known(ledger, item, configuration)
        if row is None:
            items.append(item)
        else:
            rows.append(row)
            ended(row)
    stage_logger().info("%d products found, %d to process", len(candidates), len(items))
    run_one = unless_taken(
        runner(request.execution, request.limits, "archive"), lambda item: _known(ledger, item, configuration)
    )
    rows += run_all(items, request.limits, run_one, ended)
    return ArchiveOutcome(rows=tuple(rows), table=write_csv(rows, request.output_dir, "archive"))


def _item(candidate: Candidate, request: ArchiveRequest) -> Item:
    options = request.model_dump(include=set(_OPTIONS))
    options |= {"output_dir": request.output_dir.absolute()}
    options |= {"work_dir": request.work_dir.absolute()} if request.work_dir is not None else {}
    return Item(
        candidate=candidate,
        request=ProductRequest(input_path=Path(candidate.location), **options),
        output_dir=request.output_dir.absolute(),
        max_attempts=request.limits.max_attempts,
        disk_mb=request.limits.disk_mb,
        memory_mb=request.limits.memory_mb if request.execution == "deployment" else 0,
    )


def _known(ledger: Ledger, item: Item, configuration: str) -> Row | None:
    """Return the line of a product that the ledger shows to need no run, without reading its content.

    Its STAC item is written where it is asked for and not there.
    """
    entry = ledger.read(item.candidate.key)
    if entry is None:
        return None
    location = item.candidate.location
    # What lies at an address is the same as long as its name is.
    stamp = entry.stamp if "://" in location else input_stamp(Path(location))
    row = finished_row(entry, stamp, configuration, item.max_attempts)
    return None if row is None else with_item(item, row)


def runner(execution: str, limits: Limits, *tags: str) -> RunOne:
    """Return what runs one product: a process of this machine, or a run for the workers."""
    seconds = limits.time_out_min * 60.0
    if execution == "process":
        return functools.partial(run_in_process, time_out_s=seconds)
    return functools.partial(run_deployed, time_out_s=seconds, tags=tags)


def unless_taken(run_one: RunOne, known: Callable[[Item], Row | None]) -> RunOne:
    """Return a runner that looks again before it starts a product: another archive run may have it, or have done it.

    A run of hours meets the nightly one; without this look each product of the rest would be started by both.

    Args:
        run_one: runs one product.
        known: returns the line of a product that needs no run.
    """

    def run(item: Item, stop: threading.Event) -> Row:
        if is_claimed(Ledger(item.output_dir).claims, item.candidate.key):
            return Row(key=item.candidate.key, ending=Ending.BUSY, message="another process has it")
        return known(item) or run_one(item, stop)

    return run


def show_table(outcome: ArchiveOutcome, rows: Sequence[Row], key: str) -> None:
    """Publish the summary as a table artifact."""
    try:
        create_table_artifact(table(rows), key=key, description=f"{one_line(outcome)}; {outcome.table}")
    except (httpx.HTTPError, PrefectException) as error:
        stage_logger().warning("the summary is not shown: %s", error)


def archive_run_name() -> str:
    """Name of an archive run: its source's last part."""
    request = flow_run.parameters["request"]
    source = request["source"] if isinstance(request, dict) else request.source
    return f"archive {str(source).rstrip('/').rsplit('/', 1)[-1]}"


def _log(row: Row) -> None:
    logger = stage_logger()
    level = (
        logger.info if row.ending in {Ending.DONE, Ending.UNCHANGED, Ending.SKIPPED, Ending.BUSY} else logger.warning
    )
    level("%s: %s %s", row.key, row.ending.value, row.message)


@flow(name="process-archive", flow_run_name=archive_run_name, persist_result=False)
def process_archive(request: ArchiveRequest) -> ArchiveOutcome | State[ArchiveOutcome]:
    """Process many Level-1C products; each is a flow run of its own, and what is done is skipped.

    The run ends as *Failed* when a product needs attention; all others are done then all the same.
    """
    outcome = run_archive(request, _log)
    show_table(outcome, outcome.rows, "archive-summary")
    if not outcome.good:
        return Failed(message=one_line(outcome), data=outcome)
    return outcome
