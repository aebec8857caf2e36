"""Runs one product as a flow run for the workers, wherever they are, and waits for its end."""

from __future__ import annotations

import os
import threading
import time
import uuid
from typing import Any, Final

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.states import Cancelling

from flows.archive.claims import is_claimed
from flows.archive.crashes import KILLED, enter_crash, set_crashed
from flows.archive.ledger import Entry, Ledger, Status
from flows.archive.request import Ending, Item, Row
from tasks.common.errors import InvalidConfiguration, TransientIO
from tasks.common.stage import stage_logger

DEPLOYMENT: Final = "process-listed/on-demand"

_POLL_S: Final = float(os.environ.get("SEN2FLOW_POLL_SECONDS", "3"))
_SILENT_S: Final = 180.0
"""A run claims its product within seconds, and reports its end within the client's patience of two minutes."""

_PENDING_S: Final = 900.0
"""A run that a worker took and that does not begin within this time was lost with its worker; images may be pulled."""

_ABSENT_S: Final = 600.0
"""How long the creation of a run waits for an API that is away."""

_PASSING: Final = (httpx.HTTPError, PrefectException)


def run_deployed(item: Item, stop: threading.Event, time_out_s: float, tags: tuple[str, ...] = ()) -> Row:
    """Create the run and wait for it; the time-out counts from when a worker has begun it.

    The API may be away for a while: the run goes on, and so does the waiting.

    Raises:
        InvalidConfiguration: the deployment does not exist.
    """
    run = _create(item, tags, stop)
    reason = ""
    silent_since = time.monotonic()
    while True:
        state = run.state
        if state is not None and state.is_final():
            return _row(item, run, reason)
        started = run.start_time.timestamp() if run.start_time is not None else None
        if not reason and (stop.is_set() or (started is not None and time.time() - started > time_out_s)):
            reason = "stopped" if stop.is_set() else f"time-out (limit {time_out_s:g} s)"
            _cancel(run, reason)
        stop.wait(_POLL_S) if not stop.is_set() else time.sleep(_POLL_S)
        if stop.is_set():
            return Row(key=item.candidate.key, ending=Ending.NOT_STARTED, message="stopped")
        # A killed run stays "Running" for the API: the claim without a living owner tells, and sets it to Crashed.
        silent_since = _watch(item, run, silent_since)
        try:
            with get_client(sync_client=True) as client:
                run = client.read_flow_run(run.id)
        except ObjectNotFound:
            return Row(key=item.candidate.key, ending=Ending.FAILED, message="its run was deleted")
        except _PASSING as error:
            stage_logger().warning("the API does not answer, still waiting: %s", error)


def _watch(item: Item, run: FlowRun, silent_since: float) -> float:
    """Notice that a run's process was killed; return since when no living process claims the product."""
    ledger = Ledger(item.output_dir)
    enter_crash(item.output_dir, item.candidate.key, KILLED)
    pending = run.state is not None and run.state.is_pending()
    expected = pending or (run.state is not None and run.state.is_running())
    if not expected or is_claimed(ledger.claims, item.candidate.key):
        return time.monotonic()
    if time.monotonic() - silent_since > (_PENDING_S if pending else _SILENT_S):  # killed before its first entry
        set_crashed(run.id, KILLED)
    return silent_since


def _create(item: Item, tags: tuple[str, ...], stop: threading.Event) -> FlowRun:
    """Create the run, once, even when the API goes away in the middle of the question."""
    until = time.monotonic() + _ABSENT_S
    once = uuid.uuid4().hex
    while True:
        try:
            with get_client(sync_client=True) as client:
                deployment = client.read_deployment_by_name(DEPLOYMENT)
                parameters = {"item": item.model_dump(mode="json")}
                return client.create_flow_run_from_deployment(
                    deployment.id, parameters=parameters, tags=list(tags), idempotency_key=once
                )
        except ObjectNotFound as error:
            raise InvalidConfiguration(f"deployment {DEPLOYMENT} does not exist: sen2flow up makes it") from error
        except _PASSING as error:
            if time.monotonic() > until or stop.is_set():
                raise TransientIO(f"the Prefect API does not answer: {error}") from error
            stage_logger().warning("the API does not answer, trying again: %s", error)
            stop.wait(_POLL_S)


def _cancel(run: FlowRun, reason: str) -> None:
    try:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(run.id, Cancelling(message=reason))
    except _PASSING as error:
        stage_logger().warning("%s cannot be cancelled: %s", run.name, error)


def _row(item: Item, run: FlowRun, reason: str) -> Row:
    """Return the line of an ended run, from the ledger, which all machines share."""
    key = item.candidate.key
    entry: Entry | None = Ledger(item.output_dir).read(key)
    state = run.state
    name = state.name if state is not None else ""
    message = reason or (state.message if state is not None else "") or ""
    seconds = run.total_run_time.total_seconds()
    common: dict[str, Any] = {"key": key, "seconds": round(seconds, 1), "attempt": entry.attempt if entry else 0}
    if name in {"Skipped", "Unchanged", "Busy", "Refused"}:
        product = entry.product if entry is not None else None
        return Row(**common, ending=Ending(name.lower()), message=message, product=product)
    mine = entry is not None and (entry.flow_run == str(run.id) or (state is not None and state.is_completed()))
    failed = state is not None and state.is_failed()  # of a product that is done: its STAC item could not be written
    if mine and entry is not None and entry.status is Status.DONE and not failed:
        ending = Ending.DEGRADED if entry.fallbacks else Ending.DONE
        return Row(**common, ending=ending, product=entry.product, fallbacks=entry.fallbacks)
    ending = Ending.FAILED if failed else Ending.CRASHED
    told = entry.message if entry is not None and entry.message else message
    return Row(**common, ending=ending, message=told)
