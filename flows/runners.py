"""Two ways to run the same stages: under Prefect, or in this process without any server.

Both apply the same retry rule (``tasks.common.stage``): only errors that may pass are tried again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, Protocol, TypeVar

from prefect import Task

from tasks.common.errors import RETRIABLE
from tasks.common.stage import RETRY_DELAYS_S, stage_logger

P = ParamSpec("P")
R = TypeVar("R")

Progress = Callable[[str], None]
"""Called with a task's name when the task has ended."""

_watchers: ContextVar[tuple[Progress, ...]] = ContextVar("watchers", default=())


@contextmanager
def watch(progress: Progress) -> Iterator[None]:
    """Have ``progress`` called after every task that any runner runs inside this context.

    A context variable, because flow parameters must be serialisable and a callback is not.
    """
    token = _watchers.set((*_watchers.get(), progress))
    try:
        yield
    finally:
        _watchers.reset(token)


def _ended(task_name: str) -> None:
    for progress in _watchers.get():
        progress(task_name)


class Runner(Protocol):
    """Runs a task and returns its result."""

    in_prefect: bool

    def __call__(self, task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R: ...


class LocalRunner:
    """Runs the tasks' functions directly: no server, no run records, the same artefacts."""

    in_prefect = False

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep

    def __call__(self, task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run ``task``; after a retriable error wait and try again, as Prefect would."""
        for delay in (*RETRY_DELAYS_S, None):
            try:
                result = task.fn(*args, **kwargs)
                break
            except RETRIABLE as error:
                if delay is None:
                    raise
                stage_logger().warning("%s: %s; next attempt in %d s", task.name, error, delay)
                self._sleep(delay)
        _ended(task.name)
        return result


class PrefectRunner:
    """Runs the tasks inside a flow run: states, retries, cached results and logs are kept by the Prefect API."""

    in_prefect = True

    def __call__(self, task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run ``task`` as a task run of the current flow run."""
        result: Any = task(*args, **kwargs)
        _ended(task.name)
        return result  # type: ignore[no-any-return]
