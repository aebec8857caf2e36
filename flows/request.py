"""What a user asks for: the parameters of a run. The Prefect UI shows them as a form."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field

from tasks.common.records import Fallback, Record


def in_order(schema: dict[str, Any]) -> None:
    """Number the fields of a form: a database may lose their order."""
    for number, field in enumerate(schema.get("properties", {}).values()):
        field["position"] = number


class ProductInput(Record):
    """Where one product is."""

    input_path: Path = Field(
        title="Level-1C product", description="SAFE folder, zip archive, or one granule folder inside a product."
    )


class ProcessingOptions(Record):
    """How products are to be processed; the same for one product and for an archive."""

    model_config = ConfigDict(json_schema_extra=in_order)

    output_dir: Path | None = Field(
        None, title="Output folder", description="Where the Level-2A product appears; default: beside the input."
    )
    work_dir: Path | None = Field(
        None,
        title="Work folder",
        description="Keeps the finished stages for later runs. Without it they lie below the Sen2Cor home and are "
        "removed once the product is complete.",
    )
    resolution: Literal[10, 20, 60] | None = Field(
        None,
        title="Resolution [m]",
        description="20: stop after 20 m (and 60 m); 10 or none: 20 m, 10 m and 60 m; 60: 60 m alone.",
    )
    sc_only: bool = Field(False, title="Scene classification only", description="No AOT, WVP and reflectance.")
    sc_classic: bool = Field(False, title="Classic classification", description="As Sen2Cor 2.9 did.")
    sc_cog: bool = Field(False, title="SCL as COG", description="Cloud Optimized GeoTIFF instead of JPEG 2000.")
    uncertainty: bool = Field(
        False, title="Uncertainty", description="One standard deviation of the surface reflectance, in QI_DATA."
    )
    stac: bool = Field(False, title="STAC item", description="A STAC item beside the product, <product>.json.")
    processing_baseline: str | None = Field(
        None, pattern=r"^\d\d\.\d\d$", title="Processing baseline", description="dd.dd; default from L2A_PB_GIPP.xml."
    )
    processing_centre: str | None = Field(None, pattern=r"^[A-Z0-9_]{4}$", title="Processing centre")
    archiving_centre: str | None = Field(None, pattern=r"^[A-Z0-9_]{4}$", title="Archiving centre")
    gip_l2a: Path | None = Field(None, title="L2A_GIPP.xml", description="Main configuration file.")
    gip_l2a_sc: Path | None = Field(None, title="L2A_CAL_SC_GIPP.xml", description="Scene classification.")
    gip_l2a_ac: Path | None = Field(None, title="L2A_CAL_AC_GIPP.xml", description="Atmospheric correction.")
    gip_l2a_pb: Path | None = Field(None, title="L2A_PB_GIPP.xml", description="Processing baseline.")


class ProductRequest(ProcessingOptions, ProductInput):
    """One Level-1C product to be processed."""


class TileOutcome(Record):
    """How one granule ended."""

    key: str
    mgrs_tile: str
    skipped: str | None = None
    """Why the granule was not processed; None when it was."""
    image_content: dict[str, float] = {}
    mean_aot: float | None = None
    mean_water_vapour_cm: float | None = None
    fallbacks: tuple[Fallback, ...] = ()


class ProductOutcome(Record):
    """How one product ended."""

    product: Path | None
    """The Level-2A product; None when every granule was skipped."""
    tiles: tuple[TileOutcome, ...]

    @property
    def degraded(self) -> bool:
        """True when any documented substitute was used."""
        return any(tile.fallbacks for tile in self.tiles)
