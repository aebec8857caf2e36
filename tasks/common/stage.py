"""Makes a stage's function a retriable Prefect task that keeps its result in the artefact store.

The decorated function is written as ``produce(out, tile, parameters, ...inputs) -> None`` and fills ``out``; callers
see ``stage(tile, parameters, ...inputs) -> StageResult``. ``stage.fn`` is the same without Prefect.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec

from prefect import Task, task
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext
from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH
from pydantic import BaseModel

from tasks.common.artefacts import StageWriter, fingerprint, load_result, run_stage
from tasks.common.errors import RETRIABLE, InternalInconsistency
from tasks.common.records import StageResult, TileRef

P = ParamSpec("P")

RETRY_DELAYS_S: Final[tuple[int, ...]] = (2, 10, 30)
"""Waiting times before the second, third and fourth attempt at a stage that failed for a transient reason."""


def stage_logger() -> logging.Logger | logging.LoggerAdapter[Any]:
    """Return the run's logger inside a Prefect run, the program's logger otherwise."""
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger("sen2flow")


def is_retriable(_task: Task[..., Any], _run: Any, state: State[Any]) -> bool:
    """Tell Prefect to try again only after errors that may pass."""
    return isinstance(state.result(raise_on_failure=False), RETRIABLE)


def _inputs_of(arguments: dict[str, Any]) -> tuple[TileRef, BaseModel | None, dict[str, str]]:
    tile = arguments["tile"]
    if not isinstance(tile, TileRef):
        raise InternalInconsistency("a stage was called without its tile")
    inputs = {name: value.fingerprint for name, value in arguments.items() if isinstance(value, StageResult)}
    return tile, arguments.get("parameters"), inputs


def stage_task(
    name: str, version: str
) -> Callable[[Callable[Concatenate[StageWriter, P], None]], Task[P, StageResult]]:
    """Return the decorator that turns ``produce`` into the task of stage ``name``.

    The tasks have no tags: for every tag of a task the API is asked whether a concurrency limit guards it, and a busy
    SQLite answers with 503 and pauses of seconds.

    Args:
        name: the stage's name; it is the folder name in the artefact store.
        version: the algorithm's version; a new value makes all stored results of the stage invalid.
    """

    def decorate(produce: Callable[Concatenate[StageWriter, P], None]) -> Task[P, StageResult]:
        signature = inspect.signature(produce)
        visible = signature.replace(parameters=list(signature.parameters.values())[1:])

        def key_of(arguments: dict[str, Any]) -> tuple[Path, str]:
            tile, parameters, inputs = _inputs_of(arguments)
            return tile.store / name, fingerprint(name, version, parameters, inputs)

        def cache_key(_context: TaskRunContext, arguments: dict[str, Any]) -> str:
            """Key of Prefect's cache; its record is dropped when the artefact behind it is gone or damaged."""
            folder, key = key_of(arguments)
            place = hashlib.blake2b(str(folder.absolute()).encode(), digest_size=6).hexdigest()
            cached = f"sen2flow-{name}-{key}-{place}"
            if load_result(folder / key) is None:
                (Path(PREFECT_LOCAL_STORAGE_PATH.value()) / cached).unlink(missing_ok=True)
            return cached

        @functools.wraps(produce)
        def run(*args: P.args, **kwargs: P.kwargs) -> StageResult:
            bound = visible.bind(*args, **kwargs)
            tile, parameters, inputs = _inputs_of(bound.arguments)
            started = time.perf_counter()
            result = run_stage(tile.store, name, version, parameters, inputs, lambda out: produce(out, *args, **kwargs))
            logger = stage_logger()
            logger.info("%s: %.1f s %s", name, time.perf_counter() - started, _headline(result))
            for fallback in result.fallbacks:
                logger.warning("%s: %s", fallback.code, fallback.message)
            return result

        run.__signature__ = visible  # type: ignore[attr-defined]
        run.__annotations__ = {k: v for k, v in produce.__annotations__.items() if k in visible.parameters}
        run.__annotations__["return"] = StageResult
        return task(
            name=name.replace("_", "-"),
            retries=len(RETRY_DELAYS_S),
            retry_delay_seconds=list(RETRY_DELAYS_S),
            retry_condition_fn=is_retriable,
            cache_key_fn=cache_key,
            persist_result=True,
            result_serializer="json",
        )(run)

    return decorate


def _headline(result: StageResult) -> str:
    """Return the stage's scalar statistics as ``name=value`` words."""
    scalars = {k: v for k, v in result.statistics.items() if isinstance(v, (int, float, str))}
    return " ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in scalars.items())
