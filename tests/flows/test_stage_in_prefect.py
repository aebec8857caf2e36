"""Stages as Prefect tasks on a real server: reuse, retries, and what happens to a damaged artefact."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from prefect import flow
from prefect.client.orchestration import get_client

from flows.runners import LocalRunner, watch
from tasks.common.artefacts import StageWriter
from tasks.common.errors import InvalidInput, TransientIO
from tasks.common.records import Record, StageResult, TileRef
from tasks.common.stage import RETRY_DELAYS_S, stage_task

calls: Counter[str] = Counter()


class Level(Record):
    value: int = 1
    fail: str | None = None


@stage_task("first", version="1")
def first(out: StageWriter, tile: TileRef, parameters: Level) -> None:
    calls["first"] += 1
    if parameters.fail == "once" and calls["first"] == 1:
        raise TransientIO("disk went away")
    if parameters.fail == "always":
        raise InvalidInput("B02.jp2: truncated")
    out.save("plane", np.full((2, 3), parameters.value, np.uint16))


@stage_task("second", version="1")
def second(out: StageWriter, tile: TileRef, parameters: Level, first: StageResult) -> None:
    calls["second"] += 1
    out.statistics["of"] = first.fingerprint
    out.fall_back("L2A-TEST-SECOND", "something was missing")


@flow(name="two-stages", log_prints=False)
def two_stages(tile: TileRef, one: Level, two: Level) -> StageResult:
    return second(tile, two, first=first(tile, one))


@pytest.fixture
def tile(tmp_path: Path) -> TileRef:
    calls.clear()
    return TileRef(key="T18SVG", work_dir=tmp_path, granule_dir=tmp_path)


def states(run_id: str) -> dict[str, str]:
    """Return the state names of a flow run's tasks as the server has them."""
    from uuid import UUID

    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run_id)])))
    return {run.name.rsplit("-", 1)[0]: str(run.state_name) for run in runs}


def run(tile: TileRef, one: Level | None = None, two: Level | None = None) -> tuple[StageResult, dict[str, str]]:
    state = two_stages(tile, one or Level(), two or Level(), return_state=True)
    return state.result(), states(str(state.state_details.flow_run_id))


@pytest.mark.usefixtures("prefect_server")
class TestOnServer:
    def test_second_run_is_cached(self, tile: TileRef) -> None:
        first_result, ran = run(tile)
        assert ran == {"first": "Completed", "second": "Completed"}
        again, cached = run(tile)
        assert cached == {"first": "Cached", "second": "Cached"}
        assert again == first_result
        assert calls == {"first": 1, "second": 1}

    def test_changed_parameter_reruns_from_there_only(self, tile: TileRef) -> None:
        run(tile)
        _, seen = run(tile, two=Level(value=2))
        assert seen == {"first": "Cached", "second": "Completed"}
        assert calls == {"first": 1, "second": 2}

    def test_damaged_artefact_is_made_again(self, tile: TileRef) -> None:
        result, _ = run(tile)
        folder = tile.store / "first" / result.statistics["of"]
        (folder / "plane.npy").write_bytes(b"short")
        _, seen = run(tile)
        assert seen["first"] == "Completed"
        assert calls == {"first": 2, "second": 1}
        assert np.load(folder / "plane.npy").shape == (2, 3)

    def test_vanished_store_is_made_again(self, tile: TileRef) -> None:
        import shutil

        run(tile)
        shutil.rmtree(tile.store)
        _, seen = run(tile)
        assert seen == {"first": "Completed", "second": "Completed"}
        assert calls == {"first": 2, "second": 2}

    def test_bad_input_is_not_retried(self, tile: TileRef) -> None:
        with pytest.raises(InvalidInput, match="truncated"):
            run(tile, one=Level(fail="always"))
        assert calls == {"first": 1}

    def test_transient_error_is_retried(self, tile: TileRef) -> None:
        result, _ = run(tile, one=Level(fail="once"))
        assert result.fallbacks[0].code == "L2A-TEST-SECOND"
        assert calls == {"first": 2, "second": 1}


class TestWithoutServer:
    def test_same_store_and_fingerprint(self, tile: TileRef) -> None:
        runner = LocalRunner()
        ended: list[str] = []
        with watch(ended.append):
            one = runner(first, tile, Level())
            runner(second, tile, Level(), first=one)
        runner(first, tile, Level())
        assert ended == ["first", "second"]
        assert calls == {"first": 1, "second": 1}

    def test_waits_and_tries_again_after_transient_errors_only(self, tile: TileRef) -> None:
        waited: list[float] = []
        LocalRunner(sleep=waited.append)(first, tile, Level(fail="once"))
        assert waited == [RETRY_DELAYS_S[0]]
        with pytest.raises(InvalidInput):
            LocalRunner(sleep=waited.append)(first, tile, Level(fail="always"))
        assert waited == [RETRY_DELAYS_S[0]]
