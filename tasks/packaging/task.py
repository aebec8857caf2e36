"""Stage ``images`` and the task that assembles the product."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.common.artefacts import StageWriter
from tasks.common.grid import Grid
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import RETRY_DELAYS_S, is_retriable, stage_logger, stage_task
from tasks.l1c.load import load_source
from tasks.packaging.classification_image import encode_classification
from tasks.packaging.description import GranuleProduct, ProductDescription
from tasks.packaging.height_images import write_heights
from tasks.packaging.images import (
    ImageSources,
    encode_resolution,
    encode_uncertainty,
    write_dark_vegetation,
    write_preview,
    write_second_mask,
)
from tasks.packaging.naming import compact_time, image_prefix
from tasks.packaging.parameters import PackagingParameters
from tasks.packaging.product import assemble_product


@stage_task("images", version="3")
def encode_images(
    out: StageWriter,
    tile: TileRef,
    parameters: PackagingParameters,
    l1c: StageResult,
    classification: StageResult,
    aot: StageResult,
    water_vapour: StageResult,
    surface_reflectance_20m: StageResult | None = None,
    surface_reflectance_10m: StageResult | None = None,
    surface_reflectance_60m: StageResult | None = None,
    second_cloud_mask: StageResult | None = None,
    uncertainty: StageResult | None = None,
    dem: StageResult | None = None,
) -> None:
    """Encode all images of the granule as JP2 in the folders of the product: ``IMG_DATA/R..m`` and ``QI_DATA``.

    Stage ``surface_reflectance_10m`` holds ``aot_10m`` and ``wvp_10m`` besides its bands; ``surface_reflectance_60m``
    holds ``aot_60m``, ``wvp_60m``, ``scl_60m``, ``cloud_confidence_60m``, ``snow_confidence_60m`` and ``valid_60m``,
    unless 60 m alone was processed: then the maps are where those of 20 m would be.

    Stage ``uncertainty``, where it was asked for, gives ``QI_DATA/UNC_<band>_<resolution>m.jp2`` in 0.00001; stage
    ``dem``, where its image was asked for, ``AUX_DATA/<prefix>_DEM_<resolution>m.jp2``.

    Fall-backs: ``L2A-PKG-DEM`` no elevation model, so no image of it; ``L2A-PKG-DATASTRIP`` no datastrip metadata.

    Statistics: ``resolutions`` written [m]; ``negative_reflectance_percentage`` by band at its finest resolution.
    """
    source = load_source(tile)
    grid = Grid.model_validate(l1c.statistics["grid"])
    prefix = image_prefix(source.mgrs_tile, compact_time(source.product.datatake_sensing_start))
    own = {"aot": aot, "wvp": water_vapour, "scl": classification}
    own |= {"cloud_confidence": classification, "snow_confidence": classification}
    if parameters.generate_valid_pixel_output:
        own["valid"] = classification
    plan = []
    if surface_reflectance_60m is not None:
        maps = own if surface_reflectance_20m is None else dict.fromkeys(own, surface_reflectance_60m)
        plan.append(ImageSources(60, surface_reflectance_60m, maps))
    if surface_reflectance_20m is not None:
        plan.append(ImageSources(20, surface_reflectance_20m, own))
    if surface_reflectance_10m is not None:
        plan.append(ImageSources(10, surface_reflectance_10m, dict.fromkeys(("aot", "wvp"), surface_reflectance_10m)))
    negative: dict[str, float] = {}
    for sources in plan:
        at = grid.at(sources.resolution)
        negative |= encode_resolution(
            out.folder, prefix, at, sources, with_tci=parameters.generate_tci_output, sc_cog=parameters.sc_cog
        )
    write_second_mask(out.folder, grid, second_cloud_mask)
    if uncertainty is not None:
        encode_uncertainty(out.folder / "QI_DATA", grid, uncertainty)
    resolutions = sorted(sources.resolution for sources in plan)
    if parameters.generate_ddv_output:
        write_dark_vegetation(out.folder / "QI_DATA", grid, aot, resolutions)
    write_heights(out, prefix, grid, dem, resolutions)
    write_preview(out.folder / "QI_DATA" / f"{prefix}_PVI.jp2", source.pvi_file, l1c, grid.at(20))
    out.statistics["resolutions"] = resolutions
    out.statistics["negative_reflectance_percentage"] = negative
    if source.datastrip_metadata is None:
        out.fall_back(
            "L2A-PKG-DATASTRIP", "the Level-1C product has no datastrip metadata: the product has none either"
        )


@stage_task("images", version="classification-2")
def encode_classification_only(
    out: StageWriter,
    tile: TileRef,
    parameters: PackagingParameters,
    l1c: StageResult,
    classification: StageResult,
    second_cloud_mask: StageResult | None = None,
    dem: StageResult | None = None,
) -> None:
    """Encode SCL, probabilities, valid pixels and preview of a granule whose reflectance was not asked for.

    Statistics: ``resolutions`` written [m].
    """
    source = load_source(tile)
    grid = Grid.model_validate(l1c.statistics["grid"])
    prefix = image_prefix(source.mgrs_tile, compact_time(source.product.datatake_sensing_start))
    resolution = 60 if "scl_60m" in classification.arrays else 20
    encode_classification(
        out.folder,
        prefix,
        grid.at(resolution),
        classification,
        as_cog=parameters.sc_cog,
        with_valid=parameters.generate_valid_pixel_output,
    )
    write_second_mask(out.folder, grid, second_cloud_mask)
    write_heights(out, prefix, grid, dem, [resolution])
    write_preview(out.folder / "QI_DATA" / f"{prefix}_PVI.jp2", source.pvi_file, l1c, grid.at(20))
    out.statistics["resolutions"] = [resolution]


@task(
    name="package-product",
    retries=len(RETRY_DELAYS_S),
    retry_delay_seconds=list(RETRY_DELAYS_S),
    retry_condition_fn=is_retriable,
    cache_policy=NO_CACHE,
)
def package_product(output_dir: Path, description: ProductDescription, granules: Sequence[GranuleProduct]) -> Path:
    """Assemble the product in ``output_dir`` and return its folder; see ``product.assemble_product``."""
    product = assemble_product(output_dir, description, granules)
    stage_logger().info("product: %s", product)
    return product
