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
from tasks.packaging.image_formats import ImageWriter
from tasks.packaging.image_list import image_names
from tasks.packaging.images import (
    QUALITY_IMAGES,
    encode_resolution,
    encode_uncertainty,
    image_sources,
    write_dark_vegetation,
    write_preview,
    write_second_mask,
)
from tasks.packaging.level_1c_files import note_missing_datastrip
from tasks.packaging.naming import image_prefix_of
from tasks.packaging.parameters import PackagingParameters, TreeParameters
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
    """Encode all images of the granule in the folders of the product: ``IMG_DATA/R..m`` and ``QI_DATA``.

    Stage ``surface_reflectance_10m`` holds ``aot_10m`` and ``wvp_10m`` besides its bands; ``surface_reflectance_60m``
    holds ``aot_60m``, ``wvp_60m``, ``scl_60m``, ``cloud_confidence_60m``, ``snow_confidence_60m`` and ``valid_60m``,
    unless 60 m alone was processed: then the maps are where those of 20 m would be.

    Stage ``uncertainty``, where it was asked for, gives ``QI_DATA/UNC_<band>_<resolution>m`` in 0.00001; stage ``dem``,
    where its image was asked for, ``AUX_DATA/<prefix>_DEM_<resolution>m``.

    Fall-backs: ``L2A-PKG-DEM`` no elevation model, so no image of it; ``L2A-PKG-DATASTRIP`` no datastrip metadata.

    Statistics: ``resolutions`` written [m]; ``negative_reflectance_percentage`` by band at its finest resolution;
    ``image_format`` where it is not JPEG 2000.
    """
    source = load_source(tile)
    grid = Grid.model_validate(l1c.statistics["grid"])
    prefix, writer = image_prefix_of(source), _writer(out, parameters)
    maps = {"aot": aot, "wvp": water_vapour} | dict.fromkeys(("scl", *QUALITY_IMAGES), classification)
    if not parameters.generate_valid_pixel_output:
        del maps["valid"]
    reflectance = {60: surface_reflectance_60m, 20: surface_reflectance_20m, 10: surface_reflectance_10m}
    plan = image_sources({at: stage for at, stage in reflectance.items() if stage is not None}, maps)
    negative: dict[str, float] = {}
    for sources in plan:
        at, tci = grid.at(sources.resolution), parameters.generate_tci_output
        negative |= encode_resolution(out.folder, prefix, at, sources, writer, with_tci=tci)
    write_second_mask(out.folder, grid, second_cloud_mask, writer)
    if uncertainty is not None:
        encode_uncertainty(out.folder / "QI_DATA", grid, uncertainty, writer)
    resolutions = sorted(sources.resolution for sources in plan)
    if parameters.generate_ddv_output:
        write_dark_vegetation(out.folder / "QI_DATA", grid, aot, resolutions, writer)
    write_heights(out, prefix, grid, dem, resolutions, writer)
    write_preview(out.folder / "QI_DATA" / f"{prefix}_PVI.jp2", source.pvi_file, l1c, grid.at(20))
    out.statistics |= {"resolutions": resolutions, "negative_reflectance_percentage": negative}
    note_missing_datastrip(out, source)


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

    Statistics: ``resolutions`` written [m]; ``image_format`` where it is not JPEG 2000.
    """
    source = load_source(tile)
    grid = Grid.model_validate(l1c.statistics["grid"])
    prefix, writer = image_prefix_of(source), _writer(out, parameters)
    resolution = 60 if "scl_60m" in classification.arrays else 20
    valid = parameters.generate_valid_pixel_output
    encode_classification(out.folder, prefix, grid.at(resolution), classification, writer, with_valid=valid)
    write_second_mask(out.folder, grid, second_cloud_mask, writer)
    write_heights(out, prefix, grid, dem, [resolution], writer)
    write_preview(out.folder / "QI_DATA" / f"{prefix}_PVI.jp2", source.pvi_file, l1c, grid.at(20))
    out.statistics["resolutions"] = [resolution]


@stage_task("images", version="tree-1")
def list_images(out: StageWriter, tile: TileRef, parameters: TreeParameters) -> None:
    """Name the images of a granule of which the product's tree and metadata only were asked for; none is written.

    Fall-backs: ``L2A-PKG-DATASTRIP``. Statistics: ``resolutions`` of the product [m]; ``images_not_made``, their paths
    inside the granule without ending; ``image_format`` where it is not JPEG 2000.
    """
    source = load_source(tile)
    _writer(out, parameters.images)
    resolutions, tci = sorted(parameters.resolutions), parameters.images.generate_tci_output
    names = image_names(image_prefix_of(source), resolutions, with_tci=tci, sc_only=parameters.sc_only)
    out.statistics |= {"resolutions": resolutions, "images_not_made": names}
    note_missing_datastrip(out, source)


def _writer(out: StageWriter, parameters: PackagingParameters) -> ImageWriter:
    """Return the writer; the statistics say its format unless it is the default, whose results stay as they were."""
    if "image_format" not in parameters.unused_extras():
        out.statistics["image_format"] = parameters.image_format
    return ImageWriter(parameters)


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
