"""One product of an archive run: claimed, looked up in the ledger, processed, and entered."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from flows.archive.claims import Claim, take
from flows.archive.decide import finished_row
from flows.archive.described import Describe, ensure_item
from flows.archive.fetch import local_input
from flows.archive.identity import configuration_digest, elevation_files, input_content, input_stamp
from flows.archive.ledger import Entry, Ledger, Status, now, product_exists
from flows.archive.request import Ending, Item, Row
from flows.archive.room import await_memory, require_disk
from flows.cli.console import program_version
from flows.cli.home import home_folder
from flows.request import ProductOutcome, ProductRequest
from flows.workspace import FOLDER
from tasks.common.errors import RETRIABLE, L2AError, TransientIO
from tasks.common.stage import stage_logger
from tasks.l1c.archive import open_input
from tasks.l1c.load import tile_references

Process = Callable[[ProductRequest], ProductOutcome]
"""Processes one product; raises ``L2AError``."""


def process_item(item: Item, process: Process, describe: Describe, flow_run: str | None = None) -> Row:
    """Process one product unless it is done or another process has it, and write its STAC item where one is asked for.

    The ledger says *running* from before the first stage to the end; a killed process leaves it so, without a living
    claim, and is recognised by that. The item comes after the ledger's word that the product is done: where the item
    fails, the next archive run writes it, and makes no second product.

    Raises:
        Exception: the product failed, after the ledger says so; or its item cannot be written.
    """
    ledger = Ledger(item.output_dir)
    key = item.candidate.key
    try:
        claim = take(ledger.claims, key)
    except OSError as error:
        raise TransientIO(f"{ledger.claims}: cannot be written ({error.strerror})") from error
    if claim is None:
        return Row(key=key, ending=Ending.BUSY, message="another process has it")
    with claim:
        work_dir = item.request.work_dir or home_folder() / FOLDER
        source = local_input(item.candidate, work_dir)
        row = _begin(ledger, item, source, flow_run)
        if not isinstance(row, Row):
            request = item.request.model_copy(update={"input_path": source, "stac": False})
            row = _run(ledger, claim, row, request, process)
        ensure_item(item, row, describe)
        return row


def _begin(ledger: Ledger, item: Item, source: Path, flow_run: str | None) -> Entry | Row:
    """Look the product up and enter its start; return its line when there is nothing to do."""
    before = ledger.read(item.candidate.key)
    if before is None:  # reading the input takes a while: who is killed meanwhile is known all the same
        ledger.write(_entry(item, flow_run))
    stamp, configuration = input_stamp(source), configuration_digest(item.request)
    content = input_content(source)
    same = before is not None and before.content == content and before.configuration == configuration
    row = finished_row(before, stamp, configuration, item.max_attempts, same_content=same and _holds(before, stamp))
    if row is not None and before is not None and row.ending not in item.despite:
        if before.stamp != stamp:  # copied or touched, and the same bytes: remember, so that it is not read again
            ledger.write(before.model_copy(update={"stamp": stamp, "item": item}))
        return row
    entry = _entry(item, flow_run).model_copy(
        update={
            "stamp": stamp,
            "content": content,
            "configuration": configuration,
            "attempt": before.attempt + 1 if before is not None and same else 1,
            "former": before if before is not None and same and _is_good(before) else None,
        }
    )
    ledger.write(entry)
    return entry


def _entry(item: Item, flow_run: str | None) -> Entry:
    return Entry(
        key=item.candidate.key,
        status=Status.RUNNING,
        item=item,
        started=now(),
        processor=program_version(),
        flow_run=flow_run,
    )


def _is_good(before: Entry) -> bool:
    return before.status is Status.DONE and product_exists(before)


def _holds(before: Entry | None, stamp: str) -> bool:
    """A good result holds for the same bytes; a failure only for the same files, since a disk may have misread."""
    return before is not None and (before.status in (Status.DONE, Status.SKIPPED) or before.stamp == stamp)


def _run(ledger: Ledger, claim: Claim, entry: Entry, request: ProductRequest, process: Process) -> Row:
    started = time.monotonic()
    try:
        for folder in (request.work_dir or home_folder() / FOLDER, entry.item.output_dir):
            require_disk(folder, entry.item.disk_mb)
        await_memory(entry.item.memory_mb)
        outcome = process(request)
    except Exception as error:
        known = isinstance(error, L2AError)
        failed = {
            "status": Status.FAILED,
            "message": f"{type(error).__name__}: {' '.join(str(error).split())}",
            "retriable": isinstance(error, RETRIABLE) or not known,
        }
        _end(ledger, claim, entry, time.monotonic() - started, failed)
        raise
    seconds = time.monotonic() - started
    codes = tuple(sorted({fallback.code for tile in outcome.tiles for fallback in tile.fallbacks}))
    if outcome.product is None:
        reasons = "; ".join(tile.skipped or "" for tile in outcome.tiles)
        _end(ledger, claim, entry, seconds, {"status": Status.SKIPPED, "message": reasons, "product": None})
        return Row(key=entry.key, ending=Ending.SKIPPED, message=reasons, seconds=seconds, attempt=entry.attempt)
    if entry.former is not None and entry.former.fallbacks == codes:
        # Nothing got better: one product of an input is enough, and the first one may be in use.
        shutil.rmtree(outcome.product)
        ledger.write(entry.former.model_copy(update={"stamp": entry.stamp}))
        message = "the same fall-backs as before: the product is left as it was"
        return Row(key=entry.key, ending=Ending.UNCHANGED, product=entry.former.product, message=message)
    done = {"status": Status.DONE, "product": outcome.product, "fallbacks": codes, "auxiliary": _elevation(request)}
    _end(ledger, claim, entry, seconds, done)
    return Row(
        key=entry.key,
        ending=Ending.DEGRADED if codes else Ending.DONE,
        product=outcome.product,
        seconds=seconds,
        attempt=entry.attempt,
        fallbacks=codes,
    )


def _end(ledger: Ledger, claim: Claim, entry: Entry, seconds: float, changes: dict[str, object]) -> None:
    if claim.lost:
        stage_logger().warning("%s: another process took it over meanwhile; the ledger is left to that one", entry.key)
        return
    ledger.write(entry.model_copy(update={"ended": now(), "seconds": round(seconds, 1), **changes}))


def _elevation(request: ProductRequest) -> dict[str, str]:
    """Return the elevation files behind the product, as far as they can be told now."""
    if request.input_path.is_file():
        return {}  # an archive's extraction may be gone already: its elevation files are not followed
    work_dir = request.work_dir or home_folder() / FOLDER
    files: dict[str, str] = {}
    for tile in tile_references(open_input(request.input_path, work_dir), work_dir):
        files |= elevation_files(tile, request)
    return files
