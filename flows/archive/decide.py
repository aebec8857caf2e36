"""Whether a product is to be processed, from what the ledger says of it."""

from __future__ import annotations

from flows.archive.ledger import Entry, Status, auxiliary_changed, product_exists
from flows.archive.request import Ending, Row


def finished_row(
    entry: Entry | None, stamp: str, configuration: str, max_attempts: int, *, same_content: bool = False
) -> Row | None:
    """Return the line of a product that needs no run, None when it is to be processed.

    Args:
        stamp: of the input as it is now.
        configuration: digest of the configuration in force.
        max_attempts: of the same content with the same configuration.
        same_content: the input's content is known to be that of the entry, whatever its stamp says.
    """
    if entry is None or entry.configuration != configuration or not (same_content or entry.stamp == stamp):
        return None
    if entry.status is Status.DONE:
        if auxiliary_changed(entry) or not product_exists(entry):
            return None
        return _row(entry, Ending.UNCHANGED, "done before")
    if entry.status is Status.SKIPPED:
        return _row(entry, Ending.SKIPPED, entry.message)
    if not entry.retriable:
        return _row(entry, Ending.REFUSED, f"failed before, and its files are the same: {entry.message}")
    if entry.attempt >= max_attempts:
        return _row(entry, Ending.REFUSED, f"no attempt left after {entry.attempt}: {entry.message or entry.status}")
    return None


def _row(entry: Entry, ending: Ending, message: str) -> Row:
    return Row(
        key=entry.key,
        ending=ending,
        product=entry.product,
        message=message,
        attempt=entry.attempt,
        fallbacks=entry.fallbacks,
    )
