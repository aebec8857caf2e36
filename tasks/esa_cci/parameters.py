"""Parameters of the stage ``esa_cci``."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from tasks.common.records import Record


class EsaCciParameters(Record):
    """Where the global maps lie. Names that exist in the GIPP are its element names in lower case."""

    aux_data: str | None = None
    """Folder that holds the maps (Sen2Cor's ``aux_data``); None when there are none."""

    snow_map: str = "GlobalSnowMap.tiff"
    esacci_waterbodies_map: str = "ESACCI-LC-L4-WB-Map-150m-P13Y-2000-v4.0.tif"
    esacci_landcover_map: str = "ESACCI-LC-L4-LCCS-Map-300m-P1Y-2015-v2.0.7.tif"
    esacci_snowcondition_map_dir: str = "ESACCI-LC-L4-Snow-Cond-500m-MONTHLY-2000-2012-v2.4"

    inventory: tuple[str, ...] = ()
    """Names, sizes and times of the maps that exist (``with_inventory``)."""

    files: tuple[str, ...] | None = None
    """Names and hashes of those that a tile needs (``for_tile``): other maps give another result."""

    home: str | None = None
    """The Sen2Cor home, where hashes are remembered."""

    def identity(self) -> dict[str, Any]:
        """Return everything but folders and times, once the files are known."""
        everything = super().identity() | {"home": None}
        return everything if self.files is None else everything | {"aux_data": None, "inventory": ()}

    @field_validator("aux_data", mode="before")
    @classmethod
    def _none_word(cls, value: Any) -> Any:
        """Read the word NONE, and an empty text, as no value."""
        return None if isinstance(value, str) and value.strip().upper() in {"", "NONE"} else value
