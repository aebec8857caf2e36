"""The artefact store: every stage's result on disk, found again by a fingerprint of what made it.

Layout: ``work_dir/<tile key>/<stage>/<fingerprint>/`` with ``result.json`` and the files it names. A folder is written
under a temporary name and renamed, so it is complete or absent. A result whose files are missing, truncated or altered
is treated as absent, never as an error.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from tasks.common.errors import InternalInconsistency, TransientIO
from tasks.common.records import ArrayRecord, Fallback, FileRecord, Record, StageResult

_RESULT_FILE: Final = "result.json"
_CHUNK_BYTES: Final = 4 << 20
_HOST: Final = os.uname().nodename


def file_digest(path: Path) -> str:
    """Return the BLAKE2b-160 hex digest of a file, read in chunks."""
    digest = hashlib.blake2b(digest_size=20)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def fingerprint(stage: str, version: str, parameters: BaseModel | None, inputs: Mapping[str, str]) -> str:
    """Return the key of a stage's result: a hash of its name, algorithm version, parameters and input fingerprints.

    Of parameters that are a ``Record`` its identity counts, without the folders that auxiliary data lie in: equal work
    has the same key on every machine.
    """
    content: Any = parameters.identity() if isinstance(parameters, Record) else parameters
    document = {
        "stage": stage,
        "version": version,
        "parameters": content.model_dump(mode="json") if isinstance(content, BaseModel) else content,
        "inputs": dict(inputs),
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class RowFile:
    """A ``.npy`` file of a fixed shape into which whole rows are written."""

    def __init__(self, path: Path, shape: tuple[int, int], dtype: Any) -> None:
        array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
        self._path, self._start = path, array.offset
        self._dtype, self._cols = array.dtype, shape[1]

    def __setitem__(self, rows: slice, values: NDArray[Any]) -> None:
        """Write rows from ``rows.start`` on; nothing is converted but the type."""
        content = np.ascontiguousarray(values, self._dtype)
        if content.shape != (rows.stop - rows.start, self._cols):
            raise InternalInconsistency(f"{self._path.name}: {content.shape} written to rows {rows.start}-{rows.stop}")
        with self._path.open("r+b") as stream:
            stream.seek(self._start + rows.start * self._cols * self._dtype.itemsize)
            stream.write(content.data)


class StageWriter:
    """Collects a stage's arrays, files, statistics and fall-backs in a temporary folder."""

    def __init__(self, stage: str, folder: Path) -> None:
        self.stage = stage
        self.folder = folder
        self.statistics: dict[str, Any] = {}
        self._arrays: dict[str, ArrayRecord] = {}
        self._fallbacks: list[Fallback] = []

    def save(self, name: str, array: NDArray[Any]) -> None:
        """Write an array as ``<name>.npy``."""
        np.save(self.folder / f"{name}.npy", array, allow_pickle=False)
        self._arrays[name] = ArrayRecord(file=f"{name}.npy", shape=array.shape, dtype=str(array.dtype))

    def create(self, name: str, shape: tuple[int, ...], dtype: Any) -> np.memmap[Any, Any]:
        """Return a writable memory map of ``<name>.npy`` to be filled strip by strip.

        Its blocks are reserved at once: a full disk is an error here, and not a signal that ends the process when a
        page of the map cannot be written later.
        """
        self._arrays[name] = ArrayRecord(file=f"{name}.npy", shape=shape, dtype=str(np.dtype(dtype)))
        path = self.folder / f"{name}.npy"
        array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
        with path.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
        return array

    def create_rows(self, name: str, shape: tuple[int, int], dtype: Any) -> RowFile:
        """Return ``<name>.npy`` to be filled row by row without a memory map: what is written takes no memory."""
        self._arrays[name] = ArrayRecord(file=f"{name}.npy", shape=shape, dtype=str(np.dtype(dtype)))
        return RowFile(self.folder / f"{name}.npy", shape, dtype)

    def fall_back(self, code: str, message: str) -> None:
        """Record that a documented substitute was used."""
        self._fallbacks.append(Fallback(code=code, stage=self.stage, message=message))

    def finish(self, version: str, key: str, final: Path) -> StageResult:
        """Write ``result.json`` last and describe every file of the folder."""
        files = {
            str(path.relative_to(self.folder)): FileRecord(size=path.stat().st_size, blake2b=file_digest(path))
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }
        result = StageResult(
            stage=self.stage,
            version=version,
            fingerprint=key,
            folder=final,
            arrays=self._arrays,
            files=files,
            statistics=self.statistics,
            fallbacks=tuple(self._fallbacks),
        )
        (self.folder / _RESULT_FILE).write_text(result.model_dump_json(indent=1), encoding="utf-8")
        return result


def load_result(folder: Path) -> StageResult | None:
    """Return the stored result of an artefact folder, or None when it is missing, truncated or altered."""
    try:
        text = (folder / _RESULT_FILE).read_text(encoding="utf-8")
        result = StageResult.model_validate_json(text).model_copy(update={"folder": folder})
        for name, record in result.files.items():
            path = folder / name
            if path.stat().st_size != record.size or file_digest(path) != record.blake2b:
                return None
    except (OSError, ValidationError, UnicodeDecodeError):
        return None
    return result


def run_stage(
    store: Path,
    stage: str,
    version: str,
    parameters: BaseModel | None,
    inputs: Mapping[str, str],
    produce: Callable[[StageWriter], None],
) -> StageResult:
    """Return the stage's stored result, or run ``produce`` and store what it wrote.

    Args:
        store: the tile's folder in the work directory.
        inputs: fingerprints of the inputs by name.
        produce: fills the writer; it holds the stage's work.

    Raises:
        TransientIO: the store cannot be written.
    """
    key = fingerprint(stage, version, parameters, inputs)
    final = store / stage / key
    stored = load_result(final)
    if stored is not None:
        return stored
    temporary = final.with_name(f".{key}.{_HOST}.{os.getpid()}.{time.monotonic_ns():x}.part")
    try:
        temporary.mkdir(parents=True)
        writer = StageWriter(stage, temporary)
        produce(writer)
        result = writer.finish(version, key, final)
        if final.exists():
            meanwhile = load_result(final)
            if meanwhile is not None:
                return meanwhile  # of another process, which may be reading it already
            shutil.rmtree(final)
        temporary.rename(final)
    except OSError as error:
        raise TransientIO(
            f"{error.filename or final}: {error.strerror or error} while storing stage {stage}"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return result


def remove_stale(store: Path) -> None:
    """Remove the temporary folders that killed processes of this machine left in a tile's store.

    The store is marked as used now, so that house-keeping leaves it alone while the run works with it.
    """
    if store.is_dir():
        os.utime(store)
    for folder in store.glob("*/.*.part"):
        host, pid = folder.name.split(".", 2)[2].rsplit(".", 3)[:2]
        if host == _HOST and not _is_alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def open_array(result: StageResult, name: str) -> NDArray[Any]:
    """Return a read-only memory map of one array of a stage's result.

    Raises:
        InternalInconsistency: the stage did not write an array of that name.
    """
    record = result.arrays.get(name)
    if record is None:
        raise InternalInconsistency(f"stage {result.stage} has no array {name}: it has {', '.join(result.arrays)}")
    array: NDArray[Any] = np.load(result.folder / record.file, mmap_mode="r", allow_pickle=False)
    return array
