"""Runs the products of an archive, a bounded number at a time, and goes on past failures."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Final

from flows.archive.request import Ending, Item, Limits, Row
from flows.archive.room import available_memory_mb, free_disk_mb
from tasks.common.stage import stage_logger

RunOne = Callable[[Item, threading.Event], Row]
"""Runs one product to its end, or ends it when the event is set."""

_MEMORY_PAUSE_S: Final = 5.0
_MEMORY_PATIENCE_S: Final = 1800.0


def run_all(items: Sequence[Item], limits: Limits, run_one: RunOne, ended: Callable[[Row], None]) -> list[Row]:
    """Run products, at most ``limits.in_flight`` at a time; each line is handed to ``ended`` as it comes.

    A product is started only while disk and memory have room. Without room on the disk nothing more is started.
    """
    rows: list[Row] = []
    stop = threading.Event()
    waiting = iter(items)
    running: dict[Future[Row], Item] = {}

    def collect(done: set[Future[Row]]) -> None:
        for future in done:
            item = running.pop(future)
            rows.append(_row_of(future, item))
            ended(rows[-1])

    with ThreadPoolExecutor(max_workers=limits.in_flight, thread_name_prefix="product") as pool:
        try:
            for item in waiting:
                obstacle = _obstacle(item, limits, lambda: bool(running), collect_one=lambda: collect(_first(running)))
                if obstacle:
                    for left in [item, *waiting]:
                        rows.append(Row(key=left.candidate.key, ending=Ending.NOT_STARTED, message=obstacle))
                        ended(rows[-1])
                    break
                running[pool.submit(contextvars.copy_context().run, run_one, item, stop)] = item
                while len(running) >= limits.in_flight:
                    collect(_first(running))
            while running:
                collect(_first(running))
        except BaseException:
            stop.set()  # Ctrl-C, cancellation: the processes are ended before this one ends
            raise
    return rows


def _first(running: dict[Future[Row], Item]) -> set[Future[Row]]:
    done, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
    return done


def _row_of(future: Future[Row], item: Item) -> Row:
    error = future.exception()
    if error is None:
        return future.result()
    return Row(key=item.candidate.key, ending=Ending.FAILED, message=f"{type(error).__name__}: {error}")


def _obstacle(item: Item, limits: Limits, busy: Callable[[], bool], collect_one: Callable[[], None]) -> str:
    """Wait until there is room for a product; return why there is none when waiting does not help."""
    for folder in _folders(item):
        free = free_disk_mb(folder)
        if free < limits.disk_mb:
            return f"{folder}: {free} MB free, {limits.disk_mb} MB wanted before a start (sen2flow clean, --disk-mb)"
    patient_until = time.monotonic() + _MEMORY_PATIENCE_S
    told = False
    while limits.memory_mb and (available := available_memory_mb()) is not None and available < limits.memory_mb:
        message = f"{available} MB of memory free, {limits.memory_mb} MB wanted before a start (--memory-mb)"
        if not busy() and (told and time.monotonic() > patient_until):
            return message
        if not told:
            stage_logger().warning("waiting: %s", message)
            told = True
        if busy():
            collect_one()
        else:
            time.sleep(_MEMORY_PAUSE_S)
            patient_until = min(patient_until, time.monotonic() + 60.0)  # nothing of ours holds it
    return ""


def _folders(item: Item) -> Iterator[Path]:
    yield item.output_dir
    if item.request.work_dir is not None:
        yield item.request.work_dir
