"""The summary of an archive run: CSV file, table artifact, one line."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from flows.archive.ledger import FOLDER, write_atomically
from flows.archive.request import GOOD, ArchiveOutcome, Ending, Row

COLUMNS: Final = ("key", "ending", "seconds", "attempt", "fallbacks", "product", "message")
_LONGEST_TABLE: Final = 1000


def write_csv(rows: Sequence[Row], output_dir: Path, word: str) -> Path:
    """Write the rows to a new file beside the ledger and return it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_cells(row) for row in rows)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    path = output_dir.absolute() / FOLDER / "runs" / f"{word}_{moment}.csv"
    write_atomically(path, text.getvalue())
    return path


def table(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows of the table artifact: what needs attention first, what was done before left out."""
    shown = [row for row in rows if row.ending is not Ending.UNCHANGED]
    shown.sort(key=lambda row: (row.ending in GOOD, row.key))
    return [_cells(row) for row in shown[:_LONGEST_TABLE]]


def one_line(outcome: ArchiveOutcome) -> str:
    """Return the numbers of an archive run."""
    counts = Counter(row.ending for row in outcome.rows)
    words = ", ".join(f"{counts[ending]} {ending.value}" for ending in Ending if counts[ending])
    return f"{len(outcome.rows)} products: {words}" if outcome.rows else "no product found"


def _cells(row: Row) -> dict[str, Any]:
    return {
        "key": row.key,
        "ending": row.ending.value,
        "seconds": row.seconds,
        "attempt": row.attempt,
        "fallbacks": " ".join(row.fallbacks),
        "product": str(row.product or ""),
        "message": row.message,
    }
