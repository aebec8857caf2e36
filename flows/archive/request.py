"""What an archive run is asked for, what one of its products is asked for, and how each ended."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from flows.request import ProcessingOptions, ProductRequest, in_order
from tasks.common.records import Record

TileName = Annotated[str, Field(pattern=r"^T?\d{2}[C-HJ-NP-X][A-Z]{2}$")]
BaselineName = Annotated[str, Field(pattern=r"^\d\d\.\d\d$")]


def none_if_empty(value: Any) -> Any:
    """Read an empty text, such as an environment variable that is not set, as no value."""
    return None if isinstance(value, str) and not value.strip() else value


class ArchiveSource(Record):
    """Where the Level-1C products are, and which of them are wanted."""

    source: str = Field(
        min_length=1,
        title="Source",
        description="Folder tree, glob (quoted), text file with one product a line, or address of a STAC API (https://...).",
    )
    collection: str = Field("sentinel-2-l1c", title="STAC collection", description="Only for a STAC API.")
    tiles: tuple[TileName, ...] = Field((), title="Tiles", description="MGRS tiles such as 32TQM; none: all.")
    date_from: date | None = Field(None, title="First day", description="Day of sensing, UTC.")
    date_to: date | None = Field(None, title="Last day", description="Day of sensing, UTC, included.")
    max_cloud: float | None = Field(
        None, ge=0, le=100, title="Highest cloud cover [%]", description="As the Level-1C metadata give it."
    )
    baselines: tuple[BaselineName, ...] = Field(
        (), title="Baselines", description="Level-1C processing baselines such as 05.10; none: all."
    )

    @model_validator(mode="after")
    def _days_in_order(self) -> ArchiveSource:
        if self.date_from is not None and self.date_to is not None and self.date_to < self.date_from:
            raise ValueError("the last day lies before the first")
        return self


class Limits(Record):
    """What a run may take from the machine."""

    model_config = ConfigDict(json_schema_extra=in_order)

    in_flight: int = Field(1, ge=1, le=512, title="Products at a time", description="A 110 km tile wants about 2 GB.")
    time_out_min: float = Field(120.0, gt=0, title="Time-out per product [min]")
    max_attempts: int = Field(3, ge=1, le=100, title="Attempts per product", description="With the same configuration.")
    memory_mb: int = Field(3000, ge=0, title="Free memory before a start [MB]", description="0: not checked.")
    disk_mb: int = Field(6000, ge=0, title="Free disk before a start [MB]", description="0: not checked.")


class ArchiveRequest(ProcessingOptions, ArchiveSource):
    """Many Level-1C products to be processed."""

    output_dir: Path = Field(title="Output folder", description="Receives the products and the ledger of what is done.")
    limits: Limits = Field(Limits(), title="Limits")
    _no_empty_folder = field_validator("work_dir", mode="before")(none_if_empty)

    execution: Literal["process", "deployment"] = Field(
        "process",
        title="Where products run",
        description="process: each in a process of this machine; deployment: each a flow run for the workers of "
        "process-listed/on-demand.",
    )


class RetryState(StrEnum):
    """What can be run again."""

    FAILED = "failed"
    CRASHED = "crashed"
    DEGRADED = "degraded"


class RetryRequest(Record):
    """Products of earlier archive runs to be run again."""

    model_config = ConfigDict(json_schema_extra=in_order)

    output_dir: Path = Field(title="Output folder", description="Of the archive runs; it holds their ledger.")
    since: datetime | None = Field(None, title="Since", description="Only products whose last attempt began later.")
    states: tuple[RetryState, ...] = Field(
        (RetryState.FAILED, RetryState.CRASHED),
        title="States",
        description="failed: ended with an error; crashed: killed; degraded: done with a substitute for an input.",
    )
    codes: tuple[str, ...] = Field(
        ("L2A-DEM", "L2A-CCI"),
        title="Codes of degraded products",
        description="Only products with a fall-back whose code begins so; others do not get better by waiting.",
    )
    force: bool = Field(False, title="Force", description="Also broken inputs and products with no attempt left.")
    limits: Limits = Field(Limits(), title="Limits")
    execution: Literal["process", "deployment"] = Field("process", title="Where products run")


class Candidate(Record):
    """One Level-1C product that was found."""

    key: str
    """Its name without ending: the same for folder, archive and STAC item, and safe as a file name."""
    location: str
    """Path, or address of an archive to be fetched."""
    tile: str | None = None
    sensed: date | None = None
    baseline: str | None = None
    cloud: float | None = None


class Ending(StrEnum):
    """How a product of an archive run ended."""

    DONE = "done"
    DEGRADED = "degraded"
    SKIPPED = "skipped"
    UNCHANGED = "unchanged"
    BUSY = "busy"
    FAILED = "failed"
    CRASHED = "crashed"
    REFUSED = "refused"
    NOT_STARTED = "not-started"


GOOD = frozenset({Ending.DONE, Ending.DEGRADED, Ending.SKIPPED, Ending.UNCHANGED, Ending.BUSY})
"""Endings that need nobody's attention."""


class Item(Record):
    """One product of an archive run: all that its process needs to know."""

    candidate: Candidate
    request: ProductRequest
    output_dir: Path
    max_attempts: int = 3
    despite: tuple[Ending, ...] = ()
    """Findings of the ledger that do not keep this product from being run: ``refused``, ``unchanged``."""
    disk_mb: int = 0
    memory_mb: int = 0
    """Looked at by the product's own process: set where another machine than the archive run's may process it."""


class Row(Record):
    """One line of an archive run's summary."""

    key: str
    ending: Ending
    product: Path | None = None
    message: str = ""
    seconds: float = 0.0
    attempt: int = 0
    fallbacks: tuple[str, ...] = ()


class ArchiveOutcome(Record):
    """How an archive run ended."""

    rows: tuple[Row, ...]
    table: Path | None = None
    """The summary as CSV."""

    @property
    def good(self) -> bool:
        """True when no product needs attention."""
        return all(row.ending in GOOD for row in self.rows)

    def count(self, *endings: Ending) -> int:
        """Return the number of products that ended in one of the ways."""
        return sum(row.ending in endings for row in self.rows)
