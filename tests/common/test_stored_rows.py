"""Rows read from the store against numpy's own indexing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.common.artefacts import run_stage
from tasks.common.errors import InternalInconsistency
from tasks.common.stored_rows import open_rows

VALUES = np.arange(35 * 11, dtype=np.uint16).reshape(35, 11)


@pytest.fixture
def result(tmp_path: Path):
    def produce(out) -> None:
        out.save("plane", VALUES)
        out.save("cube", np.zeros((2, 3, 4), np.uint8))
        out.save("columns", np.asfortranarray(VALUES))

    return run_stage(tmp_path, "test", "1", None, {}, produce)


@pytest.mark.parametrize(
    "key",
    [
        slice(3, 9),
        slice(0, 0),
        slice(30, 99),
        slice(None),
        slice(None, None, 3),
        (slice(None, None, 3), slice(None, None, 4)),
        (slice(1, 20, 6), slice(2, 5)),
        np.ix_(np.array([4, 7, 7, 34]), np.array([0, 10, 3])),
        np.array([9, 2]),
    ],
    ids=str,
)
def test_indexing_is_numpys(result, key: Any) -> None:
    rows = open_rows(result, "plane")
    assert rows.shape == VALUES.shape
    assert rows.dtype == np.uint16
    np.testing.assert_array_equal(rows[key], VALUES[key])


def test_only_rows_of_a_plane_can_be_read(result) -> None:
    with pytest.raises(InternalInconsistency, match="cube is not stored row by row"):
        open_rows(result, "cube")


def test_a_shortened_file_is_loud(result) -> None:
    rows = open_rows(result, "plane")
    rows.path.write_bytes(rows.path.read_bytes()[:-1])
    assert rows[0:34].shape == (34, 11)
    with pytest.raises(InternalInconsistency, match="the file is shorter"):
        rows[30:35]
