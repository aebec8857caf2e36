"""The small frozen records that travel between stages. Arrays never do: they lie in the artefact store."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_jsonable_python


class Record(BaseModel):
    """Base of all records: frozen, and unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    extras: ClassVar[frozenset[str]] = frozenset()
    """Options that leave a result as if there were no such option while they have their default value."""

    def identity(self) -> dict[str, Any]:
        """Return as JSON values what a result made from this record depends on: all fields but ``unused_extras``.

        Records of auxiliary data leave out where the data lie, once they know what lies there.
        """
        unused = self.unused_extras()
        return {name: _identity(getattr(self, name)) for name in type(self).model_fields if name not in unused}

    def unused_extras(self) -> set[str]:
        """Return the names of the ``extras`` that have their default value."""
        fields = type(self).model_fields
        return {name for name in self.extras if getattr(self, name) == fields[name].default}


def _identity(value: Any) -> Any:
    if isinstance(value, Record):
        return value.identity()
    if isinstance(value, tuple | list):
        return [_identity(item) for item in value]
    return to_jsonable_python(value)


class Fallback(Record):
    """A documented substitute that was used because an input was missing.

    ``code`` is stable (``L2A-<STAGE>-<WHAT>``) so that degraded tiles can be listed and run again.
    """

    code: str = Field(pattern=r"^L2A(-[A-Z0-9]+)+$")
    stage: str
    message: str


class TileRef(Record):
    """Where one Level-1C granule and its work folder are."""

    key: str
    """File-system safe name of the tile; the folder name inside ``work_dir``."""
    work_dir: Path
    granule_dir: Path
    product_dir: Path | None = None
    """The user product's SAFE folder; None for a granule on its own."""
    datastrip_dir: Path | None = None

    @property
    def store(self) -> Path:
        """Folder of this tile's artefacts."""
        return self.work_dir / self.key


class ArrayRecord(Record):
    """One ``.npy`` file of an artefact."""

    file: str
    shape: tuple[int, ...]
    dtype: str


class FileRecord(Record):
    """Size and checksum of one file of an artefact."""

    size: int
    blake2b: str


class StageResult(Record):
    """What a stage hands on: where its arrays are, its statistics and the fall-backs it took."""

    stage: str
    version: str
    fingerprint: str
    folder: Path
    arrays: dict[str, ArrayRecord] = {}
    files: dict[str, FileRecord] = {}
    statistics: dict[str, Any] = {}
    """JSON values only. Deterministic: no time, duration or path that differs between runs."""
    fallbacks: tuple[Fallback, ...] = ()
