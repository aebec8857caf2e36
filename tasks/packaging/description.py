"""The records that packaging is given: what to write about the product, and the results of each granule."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

from tasks.common.errors import InternalInconsistency
from tasks.common.records import Fallback, Record, StageResult, TileRef
from tasks.packaging.image_formats import IMAGE_FORMATS, PIXEL_SUFFIXES, ImageFormat

DOI: Final = "https://doi.org/10.5270/S2_-znk9xsj"
"""Digital object identifier of the Level-2A products, the default of the GIPP element Product_DOI."""


class GippFile(Record):
    """One configuration file that was in force."""

    path: Path
    type: str | None = None
    """``GIP_L2ACSC``, ``GIP_L2ACAC`` or ``GIP_PROBA2``; None for L2A_GIPP.xml, which GIPP_List does not name."""
    version: str = "0001"


class ProductDescription(Record):
    """What the metadata say about a product besides its granules' results. ``None`` means taken from the Level-1C."""

    generation_time: datetime
    """When processing began, with a time zone; it is in every name and identifier of the product."""
    processor_version: str
    processor_name: str = "sen2flow"
    processing_baseline: str = "99.99"
    processing_centre: str | None = None
    archiving_centre: str | None = None
    product_doi: str = DOI
    gipps: tuple[GippFile, ...] = ()
    look_up_tables: tuple[str, ...] = ()
    dem_type: str | None = None
    """PRODUCTION_DEM_TYPE; None: the ``source`` in the statistics of stage ``dem``."""
    snow_climatology_map: str = "None"
    esacci_water_bodies_map: str = "None"
    esacci_land_cover_map: str = "None"
    esacci_snow_condition_map_dir: str = "None"


class GranuleProduct(Record):
    """One granule that is ready to be packaged."""

    tile: TileRef
    stages: tuple[StageResult, ...]
    """The results of all its stages, in the order of processing; ``images`` must be among them."""
    settings: tuple[Fallback, ...] = ()
    """What the configuration asked for and was not done."""

    def stage(self, name: str) -> StageResult:
        """Return the result of a stage.

        Raises:
            InternalInconsistency: it is not among the granule's stages.
        """
        for result in self.stages:
            if result.stage == name:
                return result
        raise InternalInconsistency(f"granule {self.tile.key}: packaging was called without stage {name}")

    @property
    def image_format(self) -> ImageFormat:
        """Format of the images."""
        return IMAGE_FORMATS[self.stage("images").statistics.get("image_format", "JP2")]

    @property
    def tree_only(self) -> bool:
        """True where the images were only named and nothing was processed."""
        return "images_not_made" in self.stage("images").statistics

    @property
    def image_names(self) -> tuple[str, ...]:
        """Paths of the images inside the granule, without ending: those made, or those that were only named."""
        images = self.stage("images")
        made = (PurePosixPath(name) for name in images.files)
        stems = tuple(str(path.with_suffix("")) for path in made if path.suffix in PIXEL_SUFFIXES)
        return stems or tuple(images.statistics["images_not_made"])

    def statistics(self, name: str) -> dict[str, Any]:
        """Return the statistics of a stage, empty where it did not run."""
        return next((result.statistics for result in self.stages if result.stage == name), {})

    @property
    def fallbacks(self) -> tuple[Fallback, ...]:
        """Every documented substitute that was used, once each, in the order of processing."""
        taken = [*self.settings, *(fallback for result in self.stages for fallback in result.fallbacks)]
        return tuple(dict.fromkeys(taken))
