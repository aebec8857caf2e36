"""Parameters of the stage ``meteo``."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from tasks.common.records import Record


class MeteoParameters(Record):
    """What the operator may choose about the meteorological fields.

    Names that exist in the GIPP are its element names in lower case.
    """

    ozone_content: float = Field(default=0.0, ge=0.0, le=700.0)
    """Ozone column [DU]; 0 takes it from the product's AUX_ECMWFT file."""

    default_ozone_du: float = Field(default=331.0, ge=100.0, le=700.0)
    """Ozone column [DU] where neither the GIPP nor the product gives one (Sen2Cor 3.x sources)."""

    cams_directory: str | None = None
    """Folder of external CAMS netCDF files (``cams_names``), absolute or relative to ``home``; None: none are used."""

    home: str | None = None
    """Folder that a relative ``cams_directory`` starts from."""

    cams_inventory: tuple[str, ...] = ()
    """Names, sizes and times of the files in that folder (``with_cams_inventory``)."""

    cams_files: tuple[str, ...] | None = None
    """Names and hashes of those around the sensing time (``meteo_of_tile``): other files give another result."""

    def identity(self) -> dict[str, Any]:
        """Return everything but folders and times, once the files are known."""
        everything = super().identity()
        if self.cams_files is None:
            return everything
        return everything | {"home": None, "cams_directory": self.cams_directory is not None, "cams_inventory": ()}

    @field_validator("cams_directory", mode="before")
    @classmethod
    def _none_word(cls, value: Any) -> Any:
        """Read the word NONE, and an empty text, as no value."""
        return None if isinstance(value, str) and value.strip().upper() in {"", "NONE"} else value
