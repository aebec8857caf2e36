"""The work folder of a run that asked for none: kept for the next attempt, never shared, removed when complete."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from flows.archive.housekeeping import CleanRules, clean
from flows.workspace import work_folder
from tasks.common.errors import TransientIO


def test_a_chosen_folder_is_kept(tmp_path: Path) -> None:
    with work_folder(tmp_path / "mine", tmp_path / "l1c", tmp_path / "home") as folder:
        folder.mkdir()
    assert folder == tmp_path / "mine"
    assert folder.is_dir()
    assert not (tmp_path / "home").exists()


def fails_in(product: Path, home: Path) -> Path:
    """Return the folder of a run that was interrupted after its first stage."""
    with suppress(KeyboardInterrupt), work_folder(None, product, home) as folder:
        (folder / "T32TMQ_20230101" / "l1c" / "abc").mkdir(parents=True)
        raise KeyboardInterrupt
    return folder


def test_kept_after_a_failure_and_removed_when_complete(tmp_path: Path) -> None:
    product, home = tmp_path / "S2A_L1C.SAFE", tmp_path / "home"

    left = fails_in(product, home)
    assert (left / "T32TMQ_20230101" / "l1c" / "abc").is_dir()
    with work_folder(None, product, home) as folder:
        assert folder == left, "the second attempt finds what the first one left"
    assert not left.exists()


def test_two_at_once_have_a_folder_each(tmp_path: Path) -> None:
    product, home = tmp_path / "one.SAFE", tmp_path / "home"
    with work_folder(None, product, home) as first:
        first.mkdir()
        with work_folder(None, product, home) as second, work_folder(None, tmp_path / "two.SAFE", home) as other:
            second.mkdir()
            assert len({first, second, other}) == 3
        assert first.is_dir()
        assert not second.exists()
        assert not fails_in(product, home).exists(), "nobody would find it again"
    assert not first.exists()


def test_one_name_at_two_places(tmp_path: Path) -> None:
    with (
        work_folder(None, tmp_path / "a" / "x.SAFE", tmp_path) as a,
        work_folder(None, tmp_path / "b" / "x.SAFE", tmp_path) as b,
    ):
        assert a != b


def test_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(TransientIO, match="--work_dir"), work_folder(None, tmp_path / "x", tmp_path / "home"):
        pass


def test_cleaning_removes_what_interrupted_runs_left(tmp_path: Path) -> None:
    folder = fails_in(tmp_path / "x.SAFE", tmp_path)
    gone = clean(tmp_path / "work", CleanRules(keep_last=0, safe_age_s=-1.0))
    assert [thing.path for thing in gone] == [folder]
