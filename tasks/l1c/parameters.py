"""What the import stage depends on."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tasks.common.records import Record


class L1CParameters(Record):
    """Parameters of the import; every one of them is part of the stage's fingerprint."""

    content_fingerprint: str
    """``content_fingerprint`` of the granule: other bytes give another result."""
    resolutions: tuple[int, ...] = (10, 20)
    """Grids on which bands are stored beside their native ones: 20 m and 60 m hold twelve bands, 10 m four."""
    row0: int | str = "OFF"
    """Row of the midpoint of the window that is processed [pixels of 10 m]; OFF: the whole tile, AUTO: found."""
    col0: int | str = "OFF"
    nrow_win: int = Field(1200, ge=6, multiple_of=6)
    ncol_win: int = Field(1200, ge=6, multiple_of=6)

    @property
    def has_window(self) -> bool:
        """Tell whether only a part of the tile is wanted."""
        return self.row0 != "OFF"

    def identity(self) -> dict[str, Any]:
        """Return everything; of a window that is off nothing, as if there were none."""
        window = () if self.has_window else ("row0", "col0", "nrow_win", "ncol_win")
        return {name: value for name, value in super().identity().items() if name not in window}
