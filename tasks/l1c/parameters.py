"""What the import stage depends on."""

from __future__ import annotations

from tasks.common.records import Record


class L1CParameters(Record):
    """Parameters of the import; every one of them is part of the stage's fingerprint."""

    content_fingerprint: str
    """``content_fingerprint`` of the granule: other bytes give another result."""
    resolutions: tuple[int, ...] = (10, 20)
    """Grids on which bands are stored beside their native ones: 20 m and 60 m hold twelve bands, 10 m four."""
