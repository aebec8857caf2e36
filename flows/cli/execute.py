"""Run one request from the command line, with or without a Prefect API, and say how it ended."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Final

from flows.log_level import PROGRAM_LOGGER, ProgramLog
from flows.process_product import process_product, process_product_locally
from flows.request import ProductOutcome, ProductRequest
from flows.runners import watch
from tasks.common.errors import InternalInconsistency, L2AError

STEP_WEIGHTS: Final[dict[str, float]] = {
    "l1c": 20, "dem": 1, "esa-cci": 1, "quality-masks": 1, "meteo": 1, "classification": 8, "aot": 4,
    "water-vapour": 4, "surface-reflectance-20m": 8, "surface-reflectance-10m": 10, "surface-reflectance-60m": 1,
    "uncertainty": 0, "images": 38, "package-product": 2,
}  # fmt: skip
"""Rough shares of the running time [%], for the progress lines only."""


def one_line(error: BaseException) -> str:
    """Return an error's message as a single line."""
    return " ".join(str(error).split()) or type(error).__name__


class _ExpectedErrorsInOneLine(logging.Filter):
    """Takes the traceback from log records of errors that are the input's fault, not the program's."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, L2AError):
            record.msg, record.args = f"{type(error).__name__}: {one_line(error)}", ()
            record.exc_info = record.exc_text = None
        return True


def configure_logging(debug: bool) -> None:
    """Send log lines to stderr; stdout belongs to progress and results.

    Without ``debug`` the level is INFO until a configuration with its ``Log_Level`` is read.
    """
    logger = logging.getLogger(PROGRAM_LOGGER)
    logger.handlers[:] = [ProgramLog(shows_all=debug)]
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    logger.propagate = False
    if not debug:
        for name in ("prefect", "prefect.flow_runs", "prefect.task_runs", "prefect.engine"):
            for prefect_handler in logging.getLogger(name).handlers:
                prefect_handler.addFilter(_ExpectedErrorsInOneLine())


def wants_prefect(asked: bool) -> bool:
    """Return True when the run is to use a Prefect API: asked for, or one is configured."""
    return asked or bool(os.environ.get("PREFECT_API_URL"))


def execute(request: ProductRequest, *, prefect: bool, step: Callable[[str, float], None]) -> ProductOutcome:
    """Process one product.

    Args:
        prefect: run as a flow run of the Prefect API (the embedded server when none is configured).
        step: called after each task with its name and the share of the work that is done, 0..1.

    Raises:
        L2AError: the product was not processed.
    """
    done: set[str] = set()
    total = sum(STEP_WEIGHTS.values())

    def advance(name: str) -> None:
        done.add(name)
        step(name, sum(STEP_WEIGHTS.get(n, 0.0) for n in done) / total)

    with watch(advance):
        if not wants_prefect(prefect):
            return process_product_locally(request)
        outcome = process_product(request, return_state=True).result()
    if not isinstance(outcome, ProductOutcome):
        raise InternalInconsistency("process-product ended without an outcome")
    return outcome
