"""``make demo``: prepare the scene, run the flow on Prefect's embedded server, draw and print the result."""

from __future__ import annotations

import sys
from pathlib import Path

from flows.cli.console import Console
from flows.cli.demo import DemoScene, prepare_demo_scene
from flows.cli.execute import configure_logging, execute, one_line
from flows.cli.overview import write_overview
from flows.report import class_percentages
from flows.request import ProductOutcome, ProductRequest
from tasks.common.errors import L2AError


def run_demo(scene: DemoScene, folder: Path) -> int:
    """Run the demonstration and return the exit code."""
    configure_logging(debug=False)
    console = Console()
    folder = folder.absolute() / scene.value
    try:
        console.start()
        level_1c = prepare_demo_scene(scene, folder / "input")
        print(f"Level-1C product: {level_1c}", flush=True)
        request = ProductRequest(input_path=level_1c, output_dir=folder / "output", work_dir=folder / "work")
        outcome = execute(request, prefect=True, step=console.step)
        if outcome.product is None:
            print("sen2flow demo: the scene was skipped", file=sys.stderr)
            return 1
        picture = folder / f"{outcome.product.stem}.png"
        write_overview(level_1c, outcome.product, picture)
    except L2AError as error:
        print(f"sen2flow demo: {one_line(error)}", file=sys.stderr)
        console.finish(None)
        return 1
    _print_result(outcome, picture)
    console.finish(outcome.product)
    return 0


def _print_result(outcome: ProductOutcome, picture: Path) -> None:
    for tile in outcome.tiles:
        print(f"\nT{tile.mgrs_tile}: classes [% of valid pixels]")
        for words, share in class_percentages(tile.image_content):
            print(f"  {words:<30} {share:7.3f}")
        print(f"Mean AOT (550 nm):      {tile.mean_aot:.3f}")
        print(f"Mean water vapour [cm]: {tile.mean_water_vapour_cm:.3f}")
        for fallback in tile.fallbacks:
            print(f"Fall-back {fallback.code}: {fallback.message}")
    print(f"Picture: {picture}", flush=True)
