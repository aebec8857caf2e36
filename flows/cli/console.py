"""What ``L2A_Process`` prints: Sen2Cor's lines, which other programs parse, on standard output and flushed."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final, TextIO

_HIGHEST_RUNNING: Final = 99.99
"""Largest percentage before the run has ended: 100.00 belongs to the last line alone."""


def program_version() -> str:
    """Return the installed version of this program."""
    try:
        return importlib.metadata.version("sen2flow")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def version_line() -> str:
    """Return the line that names the program and the Level-1C formats it reads."""
    return (
        f"Sentinel-2 Level 2A Processor (sen2flow {program_version()}, after Sen2Cor 02.11.00), "
        "supporting Level-1C product version 14.2 - 15.0"
    )


class Console:
    """Writes the progress of one run in Sen2Cor's layout; it may be used from several threads.

    Args:
        stream: where the lines go; standard output at the time of the call when None.
        clock: seconds of a clock that never goes backwards.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._lock = threading.Lock()
        self._started = self._last = clock()
        self._percentage = 0.0
        self._closed = False

    def start(self, processing_baseline: str | None = None) -> None:
        """Write the program's line and what is going to be made."""
        self._write(f"{version_line()} started ...")
        self._write("Operation mode: TOOLBOX")
        if processing_baseline is not None:
            self._write(f"Processing baseline: {processing_baseline}")

    def step(self, name: str, fraction: float) -> None:
        """Write one progress line.

        Args:
            name: what has been done.
            fraction: share of the whole run that is done, 0 to 1; the percentage printed never goes back.
        """
        with self._lock:
            now = self._clock()
            elapsed, self._last = now - self._last, now
            self._percentage = min(max(self._percentage, 100.0 * fraction), _HIGHEST_RUNNING)
            total = timedelta(seconds=int(now - self._started))
            self._print(
                f"Progress[%]: {self._percentage:.2f} : PID-{os.getpid()}, {_one_line(name)}, "
                f"elapsed time[s]: {elapsed:.3f}, total: {total}"
            )

    def finish(self, product: Path | None, *, skipped: bool = False) -> None:
        """Write the last lines.

        Args:
            product: the Level-2A product; None when the run failed or there was nothing to process.
            skipped: there was nothing to process, which is no failure.
        """
        if product is None and not skipped:
            self._write("Progress[%]: 100.00 : Application terminated with at least one error.")
            return
        if product is not None:
            self._write(f"Product: {product.absolute()}")
        self._write("Progress[%]: 100.00 : Application terminated successfully.")

    def _write(self, line: str) -> None:
        with self._lock:
            self._print(line)

    def _print(self, line: str) -> None:
        if self._closed:
            return
        try:
            print(line, file=self._stream or sys.stdout, flush=True)
        except BrokenPipeError:
            self._closed = True  # nobody reads any more, and the product still matters


def _one_line(text: str) -> str:
    return " ".join(text.split())
