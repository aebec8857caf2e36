"""Finds products whose process was killed, and says so in the ledger and to the Prefect API."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectException
from prefect.states import Crashed

from flows.archive.claims import STALE_AFTER_S, is_claimed
from flows.archive.ledger import Entry, Ledger, Status, now
from tasks.common.stage import stage_logger

KILLED: Final = "its process was killed (memory, power or an operator)"


def enter_crash(output_dir: Path, key: str, message: str, *, failed: bool = True) -> None:
    """Enter that a product's process ended without a word; nothing happens when another process has it now.

    Args:
        failed: whether the attempt counts; one that was stopped on purpose does not.
    """
    ledger = Ledger(output_dir)
    entry = ledger.read(key)
    if entry is None or entry.status is not Status.RUNNING or is_claimed(ledger.claims, key):
        return
    attempt = entry.attempt if failed else entry.attempt - 1
    ledger.write(
        entry.model_copy(update={"status": Status.CRASHED, "message": message, "ended": now(), "attempt": attempt})
    )
    tell_api(entry, message)


def find_crashed(ledger: Ledger, stale_after_s: float = STALE_AFTER_S) -> list[Entry]:
    """Return the entries of killed runs, after entering those that were not known yet."""
    found: list[Entry] = []
    for entry in ledger.entries():
        if entry.status is Status.RUNNING and not is_claimed(ledger.claims, entry.key, stale_after_s):
            fresh = ledger.read(entry.key)
            if fresh is None or fresh.status is not Status.RUNNING:
                continue  # it ended between the two looks
            ledger.write(fresh.model_copy(update={"status": Status.CRASHED, "message": KILLED}))
            tell_api(fresh, KILLED)
            found.append(fresh.model_copy(update={"status": Status.CRASHED, "message": KILLED}))
        elif entry.status is Status.CRASHED:
            found.append(entry)
    return found


def tell_api(entry: Entry, message: str) -> None:
    """Set the run of a killed product, which the API believes to be running, to *Crashed*."""
    if entry.flow_run is not None and os.environ.get("PREFECT_API_URL"):
        set_crashed(UUID(entry.flow_run), message)


def set_crashed(run_id: UUID, message: str) -> None:
    """Set a run that has not ended to *Crashed*."""
    try:
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(run_id)
            if run.state is not None and not run.state.is_final():
                client.set_flow_run_state(run.id, Crashed(message=message), force=True)
    except (httpx.HTTPError, PrefectException) as error:
        stage_logger().warning("run %s is not set to Crashed: %s", run_id, error)
