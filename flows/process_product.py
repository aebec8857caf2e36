"""One Level-1C user product to one Level-2A product: open, process every granule, package."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.cli.home import prepare_home, resolve_gipp
from flows.configuration import TileConfiguration, product_description, tile_configuration
from flows.log_level import follow_log_level
from flows.observation import degradation_tags, product_run_name, product_words, tag_run
from flows.process_tile import TileResults, process_tile, run_tile
from flows.request import ProductOutcome, ProductRequest, TileOutcome
from flows.runners import LocalRunner, PrefectRunner, Runner
from flows.workspace import work_folder
from tasks.common.errors import InternalInconsistency, NotProcessable
from tasks.common.records import TileRef
from tasks.common.threads import use_threads
from tasks.l1c.archive import open_input
from tasks.l1c.load import content_fingerprint, load_source, tile_references
from tasks.packaging.description import GranuleProduct
from tasks.packaging.parameters import TreeParameters
from tasks.packaging.task import list_images, package_product
from tasks.stac_item.task import describe_product

ProcessTile = Callable[[TileRef, TileConfiguration], TileResults]
"""Processes one granule; raises ``NotProcessable`` when it is expected to yield nothing."""


def run_product(request: ProductRequest, run: Runner, process: ProcessTile) -> ProductOutcome:
    """Process one product.

    Args:
        run: runs the tasks of the product itself.
        process: processes one granule.

    Raises:
        L2AError: the product cannot be processed; nothing appears in the output folder then. Or its STAC item cannot
            be written; the product is complete then.
    """
    started = datetime.now(UTC)
    home = prepare_home()
    gipp = resolve_gipp(request, home)
    follow_log_level(gipp.values["log_level"])
    use_threads(gipp.values["nr_threads"])
    output_dir = (request.output_dir or _beside(request.input_path)).absolute()
    finished: list[GranuleProduct] = []
    outcomes: list[TileOutcome] = []
    packaged = None
    with work_folder(request.work_dir, request.input_path, home.folder) as work_dir:
        for tile in tile_references(open_input(request.input_path, work_dir), work_dir):
            source = load_source(tile)
            configuration = tile_configuration(gipp, request, content_fingerprint(source), home)
            if request.cr_only:
                granule = _tree_only(tile, configuration, run)
                finished.append(granule)
                outcomes.append(TileOutcome(key=tile.key, mgrs_tile=source.mgrs_tile, fallbacks=granule.fallbacks))
                continue
            try:
                results = process(tile, configuration)
            except NotProcessable as reason:
                outcomes.append(TileOutcome(key=tile.key, mgrs_tile=source.mgrs_tile, skipped=str(reason)))
                continue
            finished.append(GranuleProduct(tile=tile, stages=results.stages, settings=results.settings))
            outcomes.append(_outcome(results, source.mgrs_tile))
        if finished:
            description = product_description(gipp, request, started, [granule.stages for granule in finished])
            packaged = run(package_product, output_dir, description, finished)
            if request.stac:
                run(describe_product, packaged)
    return ProductOutcome(product=packaged, tiles=tuple(outcomes))


def process_product_locally(request: ProductRequest) -> ProductOutcome:
    """Process one product in this process, without any server."""
    run = LocalRunner()
    return run_product(request, run, lambda tile, configuration: run_tile(tile, configuration, run))


@flow(name="process-product", flow_run_name=product_run_name)
def process_product(request: ProductRequest) -> ProductOutcome | State[None]:
    """Process one Level-1C product under Prefect; each granule is a flow run of its own."""
    tag_run(*product_words(request.input_path.name))
    outcome = run_product(request, PrefectRunner(), _process_in_prefect)
    tag_run(*degradation_tags([fallback for tile in outcome.tiles for fallback in tile.fallbacks]))
    if outcome.product is None:
        reasons = "; ".join(f"{tile.mgrs_tile}: {tile.skipped}" for tile in outcome.tiles)
        return Completed(name="Skipped", message=reasons, data=outcome)
    return outcome


def _process_in_prefect(tile: TileRef, configuration: TileConfiguration) -> TileResults:
    state = process_tile(tile, configuration, return_state=True)
    if state.name == "Skipped":
        raise NotProcessable(state.message or "granule was skipped")
    results = state.result()
    if not isinstance(results, TileResults):
        raise InternalInconsistency(f"{tile.key}: process-tile ended as {state.name} without results")
    return results


def _tree_only(tile: TileRef, configuration: TileConfiguration, run: Runner) -> GranuleProduct:
    """Return a granule whose images are named and not made."""
    parameters = TreeParameters(
        content_fingerprint=configuration.l1c.content_fingerprint,
        images=configuration.images,
        resolutions=configuration.resolutions,
        sc_only=configuration.sc_only,
    )
    return GranuleProduct(tile=tile, stages=(run(list_images, tile, parameters),))


def _beside(input_path: Path) -> Path:
    """Return the folder that contains the input product."""
    folder = input_path.absolute().parent
    return folder.parent.parent if folder.name == "GRANULE" else folder


def _outcome(results: TileResults, mgrs_tile: str) -> TileOutcome:
    return TileOutcome(
        key=results.tile.key,
        mgrs_tile=mgrs_tile,
        image_content=results.classification.statistics["image_content_qi"],
        mean_aot=results.aot.statistics["mean_aot"] if results.aot else None,
        mean_water_vapour_cm=results.water_vapour.statistics["mean_water_vapour_cm"] if results.water_vapour else None,
        fallbacks=results.fallbacks,
    )
