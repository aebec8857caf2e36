"""The artefact store: what is stored is found again, what is damaged is not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tasks.common.artefacts import StageWriter, fingerprint, load_result, open_array, remove_stale, run_stage
from tasks.common.errors import InternalInconsistency, InvalidInput, TransientIO
from tasks.common.records import Record, StageResult


class Parameters(Record):
    limit: float = 0.25


class Producer:
    """Counts how often the stage's work was done."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, out: StageWriter) -> None:
        self.calls += 1
        out.save("plane", np.arange(12, dtype=np.uint16).reshape(3, 4))
        strip = out.create("strip", (2, 2), np.float32)
        strip[:] = 0.5
        out.statistics["mean"] = 5.5
        out.fall_back("L2A-TEST-MISSING", "nothing there")


def run(store: Path, produce: Producer, parameters: Parameters | None = None) -> StageResult:
    return run_stage(store, "stage", "1", parameters or Parameters(), {"l1c": "abc"}, produce)


def test_result_is_stored_and_reused(tmp_path: Path) -> None:
    produce = Producer()
    first = run(tmp_path, produce)
    second = run(tmp_path, produce)
    assert produce.calls == 1
    assert first == second
    np.testing.assert_array_equal(open_array(second, "plane"), np.arange(12).reshape(3, 4))
    assert float(open_array(second, "strip").sum()) == 2.0
    assert second.fallbacks[0].code == "L2A-TEST-MISSING"
    assert second.folder == tmp_path / "stage" / second.fingerprint


def test_another_parameter_value_runs_again(tmp_path: Path) -> None:
    produce = Producer()
    assert run(tmp_path, produce).fingerprint != run(tmp_path, produce, Parameters(limit=0.3)).fingerprint
    assert produce.calls == 2


@pytest.mark.parametrize(
    "other", [("other", "1", {"l1c": "a"}), ("stage", "2", {"l1c": "a"}), ("stage", "1", {"l1c": "b"})]
)
def test_fingerprint_depends_on_stage_version_and_inputs(other: tuple[str, str, dict[str, str]]) -> None:
    name, version, inputs = other
    assert fingerprint("stage", "1", Parameters(), {"l1c": "a"}) != fingerprint(name, version, Parameters(), inputs)


def _truncate(folder: Path) -> None:
    os.truncate(folder / "plane.npy", 100)


def _alter(folder: Path) -> None:
    data = bytearray((folder / "plane.npy").read_bytes())
    data[-1] ^= 1
    (folder / "plane.npy").write_bytes(data)


def _remove(folder: Path) -> None:
    (folder / "strip.npy").unlink()


def _break_record(folder: Path) -> None:
    (folder / "result.json").write_bytes(b'{"stage": "sta\xff')


def _remove_record(folder: Path) -> None:
    (folder / "result.json").unlink()


@pytest.mark.parametrize("damage", [_truncate, _alter, _remove, _break_record, _remove_record])
def test_damaged_result_is_a_miss_and_is_replaced(tmp_path: Path, damage: object) -> None:
    produce = Producer()
    result = run(tmp_path, produce)
    damage(result.folder)  # type: ignore[operator]
    assert load_result(result.folder) is None
    assert run(tmp_path, produce) == result
    assert produce.calls == 2
    assert load_result(result.folder) == result


def test_failing_stage_leaves_nothing(tmp_path: Path) -> None:
    def produce(out: StageWriter) -> None:
        out.save("plane", np.zeros(3))
        raise InvalidInput("broken")

    with pytest.raises(InvalidInput, match="broken"):
        run_stage(tmp_path, "stage", "1", None, {}, produce)
    assert list((tmp_path / "stage").iterdir()) == []


def test_unwritable_store_is_transient(tmp_path: Path) -> None:
    (tmp_path / "stage").write_text("a file where the folder should be")
    with pytest.raises(TransientIO, match="stage"):
        run_stage(tmp_path, "stage", "1", None, {}, Producer())


def test_unknown_array_is_loud(tmp_path: Path) -> None:
    with pytest.raises(InternalInconsistency, match="no array cloud"):
        open_array(run(tmp_path, Producer()), "cloud")


def test_left_overs_of_dead_processes_are_removed(tmp_path: Path) -> None:
    result = run(tmp_path, Producer())
    dead = result.folder.with_name(f".{result.fingerprint}.{os.uname().nodename}.999999999.1.part")
    alive = result.folder.with_name(f".{result.fingerprint}.{os.uname().nodename}.{os.getpid()}.1.part")
    elsewhere = result.folder.with_name(f".{result.fingerprint}.another-machine.999999999.1.part")
    for folder in (dead, alive, elsewhere):
        folder.mkdir()
    remove_stale(tmp_path)
    assert not dead.exists()
    assert alive.exists()
    assert elsewhere.exists()
    assert load_result(result.folder) == result
