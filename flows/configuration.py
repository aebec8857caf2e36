"""From GIPPs and request to the parameters of each stage. A stage sees, and is fingerprinted by, only its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from flows.cli.console import program_version
from flows.cli.home import Home
from flows.request import ProductRequest
from tasks.aot.parameters import AotParameters
from tasks.cirrus.parameters import CirrusParameters
from tasks.classification.parameters import ClassificationParameters
from tasks.common.gipp import Gipp
from tasks.common.records import Fallback, Record, StageResult
from tasks.dem.parameters import DemParameters
from tasks.esa_cci.maps import with_inventory
from tasks.esa_cci.parameters import EsaCciParameters
from tasks.l1c.parameters import L1CParameters
from tasks.meteo.cams_files import with_cams_inventory
from tasks.meteo.parameters import MeteoParameters
from tasks.packaging.description import GippFile, ProductDescription
from tasks.packaging.parameters import PackagingParameters
from tasks.quality_masks.parameters import QualityMaskParameters
from tasks.radiative_transfer.load import load_spectral_table
from tasks.second_cloud_mask.detector import require_package
from tasks.second_cloud_mask.parameters import SecondCloudMaskParameters
from tasks.surface_reflectance.parameters import SurfaceReflectanceParameters
from tasks.uncertainty.parameters import UncertaintyParameters
from tasks.water_vapour.parameters import WaterVapourParameters


class TileConfiguration(Record):
    """The parameters of every stage of one tile."""

    l1c: L1CParameters
    dem: DemParameters
    esa_cci: EsaCciParameters
    quality_masks: QualityMaskParameters
    meteo: MeteoParameters
    classification: ClassificationParameters
    second_cloud_mask: SecondCloudMaskParameters = SecondCloudMaskParameters()
    cirrus: CirrusParameters
    aot: AotParameters
    water_vapour: WaterVapourParameters
    surface_reflectance: SurfaceReflectanceParameters
    uncertainty: UncertaintyParameters = UncertaintyParameters()
    images: PackagingParameters
    map_resolution: Literal[20, 60] = 20
    """Pixel size of classification, AOT and water vapour [m]; 60 m alone is processed where it is 60."""
    with_10m: bool = True
    with_60m: bool = True
    with_uncertainty: bool = False
    sc_only: bool = False
    fallbacks: tuple[Fallback, ...] = ()
    """What the configuration asks for and this version does not do."""

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Resolutions of the product [m]."""
        if self.sc_only or self.map_resolution == 60:
            return (self.map_resolution,)
        return (20, *((10,) if self.with_10m else ()), *((60,) if self.with_60m else ()))


def tile_configuration(gipp: Gipp, request: ProductRequest, content_fingerprint: str, home: Home) -> TileConfiguration:
    """Return the stages' parameters for one tile.

    Args:
        gipp: the configuration in force.
        content_fingerprint: of the Level-1C granule; it stands for its content in the first stage's key.
        home: the Sen2Cor home, against which relative folders of the GIPP are resolved.

    Raises:
        InvalidConfiguration: a value cannot be used, or the second cloud mask is not installed.
    """
    second = gipp.select(SecondCloudMaskParameters)
    if second.wanted:
        require_package()
    table = look_up_table_checksum()
    at: Literal[20, 60] = 60 if request.resolution == 60 else 20
    grids = {"resolutions": (10, 20, 60)} if at == 60 else {}
    atmosphere: dict[str, Any] = {"look_up_table": table, "map_resolution": at}
    return TileConfiguration(
        l1c=gipp.select(L1CParameters, content_fingerprint=content_fingerprint, **grids),
        dem=gipp.select(DemParameters, home=str(home.folder)),
        esa_cci=with_inventory(gipp.select(EsaCciParameters, aux_data=str(home.aux_data), home=str(home.folder))),
        quality_masks=gipp.select(QualityMaskParameters),
        meteo=with_cams_inventory(gipp.select(MeteoParameters, home=str(home.folder))),
        classification=gipp.select(ClassificationParameters, sc_classic=request.sc_classic, resolution=at),
        second_cloud_mask=second,
        cirrus=gipp.select(CirrusParameters, **atmosphere),
        aot=gipp.select(AotParameters, **atmosphere),
        water_vapour=gipp.select(WaterVapourParameters, **atmosphere),
        surface_reflectance=gipp.select(SurfaceReflectanceParameters, **atmosphere),
        uncertainty=gipp.select(UncertaintyParameters, **atmosphere),
        images=gipp.select(PackagingParameters, sc_cog=request.sc_cog, image_format=request.image_format),
        map_resolution=at,
        with_10m=request.resolution in (None, 10),
        with_60m=bool(gipp.values["downsample_20_to_60"]),
        with_uncertainty=request.uncertainty or bool(gipp.values["uncertainty_output"]),
        sc_only=request.sc_only,
        fallbacks=unused_settings(gipp),
    )


_LABELS: Final = frozenset({"product_doi", "product_generator", "psd_version", "lib_dir"})
_READ_BY_FLOW: Final = _LABELS | {"downsample_20_to_60", "log_level", "nr_threads", "uncertainty_output"}
"""GIPP elements that no stage reads and whose values need no warning."""


def unused_settings(gipp: Gipp) -> tuple[Fallback, ...]:
    """Return a record for each GIPP value that differs from the default and that nothing acts on in this version."""
    stages = [field.annotation for field in TileConfiguration.model_fields.values()]
    read = {
        name for stage in stages if isinstance(stage, type) and issubclass(stage, Record) for name in stage.model_fields
    }
    return tuple(
        Fallback(
            code="L2A-GIPP-UNUSED", stage="configuration", message=f"{name} = {value} has no effect in this version"
        )
        for name, value in sorted(gipp.differences().items())
        if name not in read | _READ_BY_FLOW
    )


_LISTED_GIPPS: Final = {"sc": "GIP_L2ACSC", "ac": "GIP_L2ACAC", "pb": "GIP_PROBA2"}
"""Types under which the metadata's GIPP_List names the configuration files."""


def product_description(
    gipp: Gipp, request: ProductRequest, started: datetime, granules: Sequence[Sequence[StageResult]]
) -> ProductDescription:
    """Return what the product's metadata say besides its granules' results.

    Args:
        started: when processing began; it is the product's generation time.
        granules: the results of the stages of each granule.
    """
    aerosol = next((stage.statistics["aerosol_type"] for stage in granules[0] if stage.stage == "aot"), "RURAL")
    maps: dict[str, str] = next((stage.statistics["maps"] for stage in granules[0] if stage.stage == "esa_cci"), {})
    return ProductDescription(
        generation_time=started,
        processor_version=program_version(),
        processing_baseline=gipp.processing_baseline,
        processing_centre=request.processing_centre,
        archiving_centre=request.archiving_centre,
        product_doi=str(gipp.values["product_doi"]),
        gipps=tuple(GippFile(path=Path(path), type=_LISTED_GIPPS.get(key)) for key, path in gipp.files.items()),
        look_up_tables=(f"sen2flow_{str(aerosol).lower()}_{look_up_table_checksum()[:12]}",),
        snow_climatology_map=str(maps.get("snow_climatology", "None")),
        esacci_water_bodies_map=str(maps.get("water_bodies_20m", "None")),
        esacci_land_cover_map=str(maps.get("land_cover_20m", "None")),
        esacci_snow_condition_map_dir=str(maps.get("snow_condition_20m", "None")),
    )


def look_up_table_checksum() -> str:
    """Return the SHA-256 of the radiative-transfer table in use."""
    return str(load_spectral_table().provenance["sha256"])
