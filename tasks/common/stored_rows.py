"""An array of the artefact store whose rows are read when they are asked for.

A memory map of a whole tile stays in the process's resident memory as long as the machine has room, 60 MB for each
band at 20 m: what is read in strips anyway is better read than mapped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.common.artefacts import open_array
from tasks.common.errors import InternalInconsistency
from tasks.common.records import StageResult


class StoredRows:
    """A two-dimensional array on disk, ``[y, x]``; indexing reads the rows needed and returns an array of its own.

    The first index is a slice with a positive step or an array of row numbers, as numpy takes it.
    """

    def __init__(self, path: Path, shape: tuple[int, int], dtype: np.dtype[Any], offset: int) -> None:
        self.path, self.shape, self.dtype = path, shape, dtype
        self._offset = offset

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Return what numpy would of the whole array.

        Raises:
            InternalInconsistency: the file is shorter than the array.
        """
        rows, *others = key if isinstance(key, tuple) else (key,)
        if isinstance(rows, slice):
            first, last, step = rows.indices(self.shape[0])
            local: Any = slice(None, None, step)
        else:
            first, last = (int(rows.min()), int(rows.max()) + 1) if rows.size else (0, 0)
            local = rows - first
        count = max(last - first, 0) * self.shape[1]
        start = self._offset + first * self.shape[1] * self.dtype.itemsize
        read = np.fromfile(self.path, self.dtype, count, offset=start)
        if read.size != count:
            raise InternalInconsistency(
                f"{self.path}: expected {self.shape} values of {self.dtype}, the file is shorter"
            )
        piece: NDArray[Any] = read.reshape(-1, self.shape[1])
        return np.asarray(piece[(local, *others)])


def open_rows(result: StageResult, name: str) -> StoredRows:
    """Return a reader of one two-dimensional array of a stage's result.

    Raises:
        InternalInconsistency: the stage did not write an array of that name, or not a plain two-dimensional one.
    """
    mapped = open_array(result, name)
    if not isinstance(mapped, np.memmap) or mapped.ndim != 2 or not mapped.flags.c_contiguous:
        raise InternalInconsistency(f"stage {result.stage}: array {name} is not stored row by row")
    rows, cols = mapped.shape
    return StoredRows(Path(str(mapped.filename)), (rows, cols), mapped.dtype, int(mapped.offset))
