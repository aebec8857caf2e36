"""Parameters of the stage ``dem`` and the list of files it works on."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any, Final, Literal

from pydantic import Field, field_validator

from tasks.common.records import Record

DemKind = Literal["COPERNICUS_30", "COPERNICUS_90", "DTED_30", "DTED_90", "SRTM_90"]
"""The elevation models Sen2Cor supports, under the names of its sources."""

_EDITION: Final = re.compile(r"(?<!\d)(20\d\d)_(\d)(?!\d)")

SkyViewForm = Literal["HORIZON", "SIMPLE"]
"""How the sky view factor is derived."""


class DemFile(Record):
    """One local file that holds one cell."""

    cell: str
    path: str
    member: str | None = None
    """Name inside the archive at ``path``; None for a file on its own."""
    size: int
    modified_ns: int
    sha256: str | None = None
    """None as long as it was not asked for; then size and time tell a changed file."""

    def identity(self) -> dict[str, Any]:
        """Return name and content of the file, wherever it lies; without its hash, place, size and time."""
        if self.sha256 is None:
            return super().identity()
        return {"cell": self.cell, "name": PurePath(self.path).name, "member": self.member, "sha256": self.sha256}


class DemSurvey(Record):
    """Which cells cover a tile and where they are."""

    kind: DemKind | None = None
    """None when not one cell was found."""
    files: tuple[DemFile, ...] = ()
    coarser: tuple[str, ...] = ()
    """Cells of the 90 m Copernicus model that stand for cells which the 30 m one does not have."""
    sea: tuple[str, ...] = ()
    """Cells that are known not to exist because they hold no land; their height is 0."""
    missing: tuple[str, ...] = ()
    """Cells that were found nowhere."""
    outer: tuple[DemFile, ...] = ()
    """Cells beyond the tile's edge whose terrain may shade it."""
    outer_missing: tuple[str, ...] = ()
    """Such cells that were found nowhere."""
    outer_problem: str = ""
    """One line that says why a download did not give them."""
    problem: str = ""
    """One line that says why a download did not give the missing cells; empty when none was tried or needed."""


class DemParameters(Record):
    """Where heights come from. Names that exist in the GIPP are its element names in lower case."""

    dem_directory: str | None = None
    """Folder with cells, absolute or relative to ``home``; None for flat terrain."""

    dem_reference: str | None = None
    """Address from which missing cells are downloaded, or a plain label that names the elevation model."""

    altitude: float = Field(default=0.1, ge=-0.5, le=9.0)
    """Height above sea level [km] of the flat terrain that is used without an elevation model."""

    force_exit_on_dem_error: bool = False
    """Whether a configured elevation model that gives nothing is an error instead of flat terrain."""

    sky_view: SkyViewForm = "HORIZON"
    """``HORIZON``: from the horizon in 16 directions; ``SIMPLE``: (1 + cos slope) / 2, Sen2Cor's form."""

    home: str | None = None
    """Folder that a relative ``dem_directory`` starts from."""

    survey: DemSurvey | None = None
    """Result of ``fetch_dem``; the stage looks for the cells itself when it is None."""

    def identity(self) -> dict[str, Any]:
        """Return everything but the folders, once the cells in them are known."""
        everything = super().identity()
        if self.survey is None:
            return everything
        folders = {"dem_directory": edition_of(self.dem_directory), "home": None}
        return everything | folders

    @field_validator("dem_directory", "dem_reference", "home", mode="before")
    @classmethod
    def _none_word(cls, value: Any) -> Any:
        """Read the GIPP's word NONE, and an empty element, as no value."""
        return None if isinstance(value, str) and value.strip().upper() in {"", "NONE"} else value

    @property
    def download_address(self) -> str | None:
        """The reference when it is an address, None when it is a label or absent."""
        reference = self.dem_reference or ""
        return reference if reference.lower().startswith(("http://", "https://")) else None


def edition_of(address: str | None) -> str:
    """Return the edition that a Copernicus address or folder names (``2021_1`` in ``COP-DEM_GLO-90-DGED__2021_1``).

    Empty where it names none: the cells themselves do not carry it.
    """
    found = _EDITION.search(address or "")
    return found[0] if found else ""


def nothing_found(survey: DemSurvey, parameters: DemParameters) -> str:
    """Return the line for a tile of which no cell was found."""
    cells = ", ".join(survey.missing) or "none exist at this latitude"
    return (
        f"{parameters.dem_directory}: DEM_Directory holds no cell of the tile ({cells}); put them there or set "
        "DEM_Reference to an address"
    )
