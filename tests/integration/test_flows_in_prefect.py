"""The whole product as Prefect flow runs on a real server: names, tags, artifacts, reuse, failure, skipping."""

from __future__ import annotations

import datetime as real
import shutil
from pathlib import Path
from uuid import UUID

import pytest
from l1c_damage import DAMAGES
from l1c_factory import write_safe
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
)
from prefect.client.schemas.objects import FlowRun
from whole_runs import digests

import flows.process_product
from flows.archive.request import Candidate, Item
from flows.process_listed import process_listed
from flows.process_product import process_product, process_product_locally
from flows.request import ProductOutcome, ProductRequest
from tasks.stac_item.task import item_path

pytestmark = pytest.mark.usefixtures("prefect_server")


class FixedTime(real.datetime):
    """The clock that names the product, stopped."""

    @classmethod
    def now(cls, tz: real.tzinfo | None = None) -> FixedTime:
        return cls(2026, 1, 1, 12, 0, 0, tzinfo=tz)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEN2COR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(flows.process_product, "datetime", FixedTime)


def tile_run_of(product_run: UUID) -> FlowRun:
    """Return the one flow run of a granule."""
    parent = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[product_run]))
    with get_client(sync_client=True) as client:
        (run,) = client.read_flow_runs(flow_run_filter=parent)
    return run


def task_states(run: UUID) -> dict[str, str]:
    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run])))
    return {task.name.rsplit("-", 1)[0]: str(task.state_name) for task in runs}


def test_product_under_prefect(small_product: Path, tmp_path: Path) -> None:
    request = ProductRequest(input_path=small_product, output_dir=tmp_path / "out", work_dir=tmp_path / "work")
    state = process_product(request, return_state=True)
    outcome = state.result()
    assert isinstance(outcome, ProductOutcome)
    assert outcome.product is not None

    product_run = UUID(str(state.state_details.flow_run_id))
    with get_client(sync_client=True) as client:
        whole = client.read_flow_run(product_run)
    tile = tile_run_of(product_run)
    for run in (whole, tile):
        assert run.name == "T32TMQ 2025-06-15 S2A N0510"
        assert {"T32TMQ", "2025-06-15", "S2A", "N0510", "degraded", "L2A-DEM-FLAT"} <= set(run.tags)
    assert set(task_states(tile.id).values()) == {"Completed"}
    assert len(task_states(tile.id)) == 13
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[tile.id]))
        )
    by_type = {artifact.type: artifact for artifact in artifacts}
    assert by_type["progress"].data == 100.0
    report = str(by_type["markdown"].data)
    assert "degraded" in report
    assert "4 vegetation" in report
    assert "L2A-DEM-FLAT" in report

    with_item = request.model_copy(update={"output_dir": tmp_path / "again", "stac": True})
    again = process_product(with_item, return_state=True)
    assert task_states(UUID(str(again.state_details.flow_run_id)))["describe-product"] == "Completed"
    states = task_states(tile_run_of(UUID(str(again.state_details.flow_run_id))).id)
    assert {name for name, seen in states.items() if seen != "Cached"} == {"dem-fetch"}
    assert digests(again.result().product) == digests(outcome.product)

    out = tmp_path / "listed"
    candidate = Candidate(key=small_product.stem, location=str(small_product))
    listed = with_item.model_copy(update={"output_dir": out})
    row = process_listed(Item(candidate=candidate, request=listed, output_dir=out))
    assert item_path(row.product).read_bytes() == item_path(again.result().product).read_bytes()

    local = process_product_locally(request.model_copy(update={"output_dir": tmp_path / "local", "work_dir": None}))
    assert local.product is not None
    assert digests(local.product) == digests(outcome.product)


def test_one_changed_parameter_runs_only_what_depends_on_it(small_product: Path, tmp_path: Path) -> None:
    request = ProductRequest(
        input_path=small_product, output_dir=tmp_path / "out", work_dir=tmp_path / "work", resolution=20
    )
    process_product(request)
    text = (Path(flows.__file__).parents[1] / "config" / "gipp" / "L2A_GIPP.xml").read_text(encoding="utf-8")
    gipp = tmp_path / "no_adjacency.xml"
    gipp.write_text(text.replace("<Adj_Km>1.000<", "<Adj_Km>0.000<"), encoding="utf-8")
    assert gipp.read_text(encoding="utf-8") != text
    other = request.model_copy(update={"output_dir": tmp_path / "other", "gip_l2a": gipp})
    state = process_product(other, return_state=True)
    states = task_states(tile_run_of(UUID(str(state.state_details.flow_run_id))).id)
    for stage in ("l1c", "dem", "esa-cci", "quality-masks", "meteo", "classification"):
        assert states[stage] == "Cached", stage
    for stage in ("surface-reflectance-20m", "surface-reflectance-60m", "images"):
        assert states[stage] == "Completed", stage


@pytest.fixture(scope="module")
def sound_safe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_safe(tmp_path_factory.mktemp("sound"))


def test_broken_product_fails_at_once(sound_safe: Path, tmp_path: Path) -> None:
    given = DAMAGES["image_cut_off"](shutil.copytree(sound_safe, tmp_path / sound_safe.name))
    request = ProductRequest(input_path=given, output_dir=tmp_path / "out", work_dir=tmp_path / "work")
    state = process_product(request, return_state=True)
    assert state.is_failed()
    assert not (tmp_path / "out").exists()


def test_granule_without_data_ends_as_skipped(sound_safe: Path, tmp_path: Path) -> None:
    given = DAMAGES["product_without_data"](shutil.copytree(sound_safe, tmp_path / sound_safe.name))
    request = ProductRequest(input_path=given, output_dir=tmp_path / "out", work_dir=tmp_path / "work")
    state = process_product(request, return_state=True)
    assert state.is_completed()
    assert state.name == "Skipped"
    assert tile_run_of(UUID(str(state.state_details.flow_run_id))).state_name == "Skipped"
    assert state.result().product is None
    assert not (tmp_path / "out").exists()
