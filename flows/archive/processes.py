"""Runs one product in a process of its own and says how that process ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from flows.archive.crashes import enter_crash
from flows.archive.request import Ending, Item, Row

_POLL_S: Final = 0.2
_GRACE_S: Final = 10.0
_LOG_LINES: Final = 3


def run_in_process(item: Item, stop: threading.Event, time_out_s: float) -> Row:
    """Run one product in a new Python process; end it at the time-out or when ``stop`` is set."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sen2flow-") as name:
        folder = Path(name)
        (folder / "item.json").write_text(item.model_dump_json(), encoding="utf-8")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "flows.archive.child", str(folder / "item.json"), str(folder / "row.json")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=child_environment(),
            )
            reason = _wait(process, stop, started + time_out_s)
        seconds = round(time.monotonic() - started, 1)
        row = _read_row(folder / "row.json")
        if row is not None and not reason:
            return row.model_copy(update={"seconds": row.seconds or seconds})
        message = reason or _ending(process.returncode, folder / "log")
        if reason:
            message += f" (limit {time_out_s:g} s)" if reason == "time-out" else ""
        enter_crash(item.output_dir, item.candidate.key, message, failed=not stop.is_set())
        return Row(key=item.candidate.key, ending=Ending.CRASHED, message=message, seconds=seconds)


def child_environment() -> dict[str, str]:
    """Return the environment of a product's process: this one's packages, and no run of Prefect's to belong to."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT__")}
    variables["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return variables


def _wait(process: subprocess.Popen[bytes], stop: threading.Event, until: float) -> str:
    """Wait for the end of a process; return why it was ended, empty when it ended itself."""
    while process.poll() is None:
        if stop.is_set() or time.monotonic() > until:
            _end(process)
            return "stopped" if stop.is_set() else "time-out"
        time.sleep(_POLL_S)
    return ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and whatever it started: politely, then not."""
    for number, patience in ((signal.SIGTERM, _GRACE_S), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(patience)
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _read_row(path: Path) -> Row | None:
    try:
        return Row.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        return None


def _ending(code: int, log: Path) -> str:
    """Return what an exit code means, with the last lines that the process wrote."""
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        hint = {"SIGKILL": ", perhaps for want of memory", "SIGBUS": ", perhaps for want of disk"}.get(name, "")
        return f"killed by {name}{hint}"
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    last = " / ".join(line.strip() for line in [x for x in lines if x.strip()][-_LOG_LINES:])
    return f"exit code {code}: {last[-500:]}"
