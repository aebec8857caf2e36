"""What a user asks for: the parameters of a run. The Prefect UI shows them as a form."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from tasks.common.records import Fallback, Record

_EXCLUSIVE: Final = (
    ("tif", "raw", "a product's images have one format"),
    ("sc_cog", "raw", "the scene classification is GeoTIFF or ENVI"),
    ("cr_only", "uncertainty", "nothing is processed for the tree alone"),
    ("cr_only", "stac", "an item describes images, and the tree alone has none"),
)
"""Pairs of options that contradict each other, and why."""


def contradiction(wanted: Mapping[str, Any]) -> str | None:
    """Return what is wrong with options that contradict each other, None when nothing is.

    Args:
        wanted: values by the names of the options; others are ignored.
    """
    for one, other, reason in _EXCLUSIVE:
        if wanted.get(one) and wanted.get(other):
            return f"--{one} and --{other} do not go together: {reason}"
    return None


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

    extras: ClassVar[frozenset[str]] = frozenset({"tif", "raw", "cr_only"})

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
    tif: bool = Field(False, title="GeoTIFF", description="All images as GeoTIFF instead of JPEG 2000.")
    raw: bool = Field(False, title="ENVI", description="All images as ENVI (rawl, hdr, gml) instead of JPEG 2000.")
    cr_only: bool = Field(
        False, title="Tree only", description="Folders and metadata of the product; nothing is processed."
    )
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

    @model_validator(mode="after")
    def _options_agree(self) -> Self:
        wrong = contradiction(dict(self))
        if wrong is not None:
            raise ValueError(wrong)
        return self

    @property
    def image_format(self) -> Literal["JP2", "GTiff", "ENVI"]:
        """Format of the product's images."""
        return "GTiff" if self.tif else "ENVI" if self.raw else "JP2"


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
