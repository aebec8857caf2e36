"""One granule from Level-1C to Level-2A: the contents page of the algorithm.

Every line of ``run_tile`` is one stage, a retriable task that keeps its result in the tile's artefact store. The same
function runs inside the Prefect flow ``process-tile`` and without any server.
"""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.configuration import TileConfiguration
from flows.observation import observe_tile, tile_run_name
from flows.runners import PrefectRunner, Runner, watch
from tasks.aot.task import retrieve_aot
from tasks.cirrus.task import correct_cirrus
from tasks.classification.task import classify_scene
from tasks.common.artefacts import remove_stale
from tasks.common.errors import NotProcessable
from tasks.common.records import Fallback, Record, StageResult, TileRef
from tasks.common.stage import stage_logger
from tasks.dem.task import fetch_dem, prepare_dem
from tasks.esa_cci.task import esa_cci_of_tile, look_up_esa_cci
from tasks.l1c.task import import_l1c
from tasks.meteo.task import meteo_of_tile, read_meteo
from tasks.packaging.task import encode_classification_only, encode_images
from tasks.quality_masks.task import read_quality_masks
from tasks.second_cloud_mask.task import ask_second_cloud_mask
from tasks.surface_reflectance.task import correct_10m, correct_20m, correct_60m, derive_60m
from tasks.uncertainty.task import estimate_uncertainty
from tasks.water_vapour.task import retrieve_water_vapour

STEPS: tuple[str, ...] = (
    "l1c", "dem", "esa-cci", "quality-masks", "meteo", "classification", "second-cloud-mask", "cirrus", "aot",
    "water-vapour",
    "surface-reflectance-20m", "surface-reflectance-10m", "surface-reflectance-60m", "uncertainty", "images",
)  # fmt: skip
"""The stages in their order, by task name."""


class TileResults(Record):
    """The results of all stages of a granule."""

    tile: TileRef
    l1c: StageResult
    dem: StageResult
    esa_cci: StageResult
    quality_masks: StageResult
    meteo: StageResult
    classification: StageResult
    second_cloud_mask: StageResult | None = None
    """None unless Second_Cloud_Mask names a program."""
    cirrus: StageResult | None = None
    """None unless Cirrus_Correction is on."""
    aot: StageResult | None = None
    water_vapour: StageResult | None = None
    surface_reflectance_20m: StageResult | None = None
    """AOT, water vapour and reflectance are None when only the scene classification was asked for."""
    surface_reflectance_10m: StageResult | None = None
    surface_reflectance_60m: StageResult | None = None
    uncertainty: StageResult | None = None
    """None unless the uncertainty layers were asked for."""
    images: StageResult
    settings: tuple[Fallback, ...] = ()
    """What the configuration asked for and was not done."""

    @property
    def stages(self) -> tuple[StageResult, ...]:
        """The results that exist, in the order of processing."""
        return tuple(v for v in dict(self).values() if isinstance(v, StageResult))

    @property
    def fallbacks(self) -> tuple[Fallback, ...]:
        """Every documented substitute that was used, once each."""
        taken = [*self.settings, *(fallback for stage in self.stages for fallback in stage.fallbacks)]
        found = {(f.code, f.message): f for f in taken}
        return tuple(found.values())


def run_tile(tile: TileRef, configuration: TileConfiguration, run: Runner) -> TileResults:
    """Process one granule.

    Raises:
        L2AError: a stage failed; ``NotProcessable`` when the granule is expected to yield nothing.
    """
    c = configuration
    remove_stale(tile.store)
    _warn(c.fallbacks)
    l1c = run(import_l1c, tile, c.l1c)
    elevation_source = run(fetch_dem, c.dem, l1c)
    dem = run(prepare_dem, tile, elevation_source, l1c=l1c)
    esa_cci = run(look_up_esa_cci, tile, esa_cci_of_tile(c.esa_cci, l1c, dem), l1c=l1c, dem=dem)
    quality_masks = run(read_quality_masks, tile, c.quality_masks, l1c=l1c)
    meteo = run(read_meteo, tile, meteo_of_tile(c.meteo, l1c), l1c=l1c, dem=dem)
    maps_of_ground = {"quality_masks": quality_masks, "esa_cci": esa_cci, "dem": dem}
    classification = run(classify_scene, tile, c.classification, l1c=l1c, **maps_of_ground)
    classes = {"l1c": l1c, "classification": classification}
    second = run(ask_second_cloud_mask, tile, c.second_cloud_mask, **classes) if c.second_cloud_mask.wanted else None
    shown_dem = dem if c.images.generate_dem_output else None
    before = {"tile": tile, "dem": dem, "esa_cci": esa_cci, "quality_masks": quality_masks, "meteo": meteo}
    if c.sc_only:
        images = run(encode_classification_only, tile, c.images, **classes, second_cloud_mask=second, dem=shown_dem)
        return TileResults(**before, **classes, second_cloud_mask=second, images=images, settings=c.fallbacks)

    atmosphere = {"l1c": l1c, "classification": classification, "dem": dem, "meteo": meteo}
    cirrus = run(correct_cirrus, tile, c.cirrus, **atmosphere) if c.cirrus.cirrus_correction else None
    atmosphere["l1c"] = cirrus or l1c

    aot = run(retrieve_aot, tile, c.aot, **atmosphere)
    water_vapour = run(retrieve_water_vapour, tile, c.water_vapour, **atmosphere, aot=aot)

    surface = {**atmosphere, "aot": aot, "water_vapour": water_vapour}
    reflectance = _correct_surface(tile, c, run, surface)
    maps = {"classification": classification, "aot": aot, "water_vapour": water_vapour}
    uncertainty = None
    if c.with_uncertainty:
        uncertainty = run(estimate_uncertainty, tile, c.uncertainty, **surface, **reflectance)
    images = run(
        encode_images,
        tile,
        c.images,
        l1c=l1c,
        **maps,
        **reflectance,
        second_cloud_mask=second,
        uncertainty=uncertainty,
        dem=shown_dem,
    )
    return TileResults(
        **before,
        l1c=l1c,
        **maps,
        second_cloud_mask=second,
        cirrus=cirrus,
        **reflectance,
        uncertainty=uncertainty,
        images=images,
        settings=c.fallbacks,
    )


def _warn(fallbacks: tuple[Fallback, ...]) -> None:
    for fallback in fallbacks:
        stage_logger().warning("%s: %s", fallback.code, fallback.message)


def _correct_surface(
    tile: TileRef, c: TileConfiguration, run: Runner, inputs: dict[str, StageResult]
) -> dict[str, StageResult]:
    """Return the surface reflectance at the resolutions asked for: 20, 10 and 60 m, or 60 m alone."""
    if c.map_resolution == 60:
        return {"surface_reflectance_60m": run(correct_60m, tile, c.surface_reflectance, **inputs)}
    twenty = run(correct_20m, tile, c.surface_reflectance, **inputs)
    done = {"surface_reflectance_20m": twenty}
    if c.with_10m:
        done["surface_reflectance_10m"] = run(correct_10m, tile, c.surface_reflectance, **inputs)
    if c.with_60m:
        averaged = run(derive_60m, tile, c.surface_reflectance, **inputs, surface_reflectance_20m=twenty)
        done["surface_reflectance_60m"] = averaged
    return done


@flow(name="process-tile", flow_run_name=tile_run_name)
def process_tile(tile: TileRef, configuration: TileConfiguration) -> TileResults | State[None]:
    """Process one granule under Prefect; a granule that is expected to yield nothing ends as *Skipped*."""
    with observe_tile(tile, STEPS) as observer, watch(observer.advance):
        try:
            results = run_tile(tile, configuration, PrefectRunner())
        except NotProcessable as reason:
            return Completed(name="Skipped", message=str(reason))
        observer.report(results.stages, results.fallbacks)
        return results
