"""Find failed, killed and degraded products of earlier archive runs and run them again.

Finished stages are taken from the artefact store; products that were skipped as expected are left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Failed

from flows.archive.crashes import find_crashed
from flows.archive.dispatch import run_all
from flows.archive.ledger import Entry, Ledger, Status
from flows.archive.request import ArchiveOutcome, Ending, Item, RetryRequest, RetryState, Row
from flows.archive.summary import one_line, write_csv
from flows.process_archive import runner, show_table, unless_taken
from tasks.common.stage import stage_logger


def run_retry(request: RetryRequest, ended: Callable[[Row], None] = lambda _row: None) -> ArchiveOutcome:
    """Run the products of the states asked for again, each with what it was asked for the first time.

    Raises:
        L2AError: the output folder cannot be used.
    """
    ledger = Ledger(request.output_dir)
    crashed = {entry.key for entry in find_crashed(ledger)}
    rows: list[Row] = []
    items: list[Item] = []
    for entry in ledger.entries():
        state = _state(entry, crashed, request.codes)
        if state is None or state not in request.states or not _is_recent(entry, request.since):
            continue
        reason = _refusal(entry, state, request)
        if reason:
            rows.append(Row(key=entry.key, ending=Ending.REFUSED, message=reason, attempt=entry.attempt))
            ended(rows[-1])
        else:
            items.append(_again(entry, request))
    stage_logger().info("%d products to run again, %d refused", len(items), len(rows))
    run_one = unless_taken(runner(request.execution, request.limits, "retry"), lambda _item: None)
    rows += run_all(items, request.limits, run_one, ended)
    return ArchiveOutcome(rows=tuple(rows), table=write_csv(rows, request.output_dir, "retry"))


def _state(entry: Entry, crashed: set[str], codes: tuple[str, ...]) -> RetryState | None:
    if entry.key in crashed:
        return RetryState.CRASHED
    if entry.status is Status.FAILED:
        return RetryState.FAILED
    if entry.status is Status.DONE and any(code.startswith(codes) for code in entry.fallbacks):
        return RetryState.DEGRADED
    return None


def _is_recent(entry: Entry, since: datetime | None) -> bool:
    if since is None:
        return True
    return entry.started >= (since if since.tzinfo is not None else since.replace(tzinfo=UTC))


def _refusal(entry: Entry, state: RetryState, request: RetryRequest) -> str:
    """Return why a product is not run again; empty when it is."""
    if request.force or state is RetryState.DEGRADED:
        return ""
    if state is RetryState.FAILED and not entry.retriable:
        return f"the same input gives the same error: {entry.message} (--force)"
    if entry.attempt >= request.limits.max_attempts:
        return f"no attempt left after {entry.attempt}: {entry.message} (--max-attempts, --force)"
    return ""


def _again(entry: Entry, request: RetryRequest) -> Item:
    despite = (Ending.REFUSED, Ending.UNCHANGED) if entry.status is Status.DONE else (Ending.REFUSED,)
    changes = {"despite": despite, "disk_mb": request.limits.disk_mb, "max_attempts": request.limits.max_attempts}
    changes |= {"memory_mb": request.limits.memory_mb if request.execution == "deployment" else 0}
    return entry.item.model_copy(update=changes)


@flow(name="retry-failed", persist_result=False)
def retry_failed(request: RetryRequest) -> ArchiveOutcome | State[ArchiveOutcome]:
    """Run failed, killed or degraded products of an output folder again."""
    outcome = run_retry(request)
    show_table(outcome, outcome.rows, "retry-summary")
    if not outcome.good:
        return Failed(message=one_line(outcome), data=outcome)
    return outcome
