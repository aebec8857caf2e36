"""``sen2flow``: the program's own command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.archive import archive, clean, retry
from flows.cli.aux_data import app as aux_data
from flows.cli.compare import compare
from flows.cli.configuration import app as configuration
from flows.cli.console import version_line
from flows.cli.demo import DemoScene
from flows.cli.inspection import inspect
from flows.cli.l2a_process import run
from flows.cli.options import options_or_exit
from flows.cli.rt import rt
from flows.cli.simulate import simulate
from flows.cli.stac import stac as write_items
from flows.cli.up import deploy, up

app = typer.Typer(
    name="sen2flow",
    help="Sentinel-2 Level-1C to Level-2A surface reflectance, after Sen2Cor 2.11.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("simulate")(simulate)
app.command("compare")(compare)
app.add_typer(aux_data, name="aux")
app.add_typer(configuration, name="config")
app.command("inspect")(inspect)
app.command("stac")(write_items)
app.command("archive")(archive)
app.command("retry")(retry)
app.command("clean")(clean)
app.command("up")(up)
app.command("deploy")(deploy)
app.command("rt")(rt)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version_line())
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Sentinel-2 Level-1C to Level-2A surface reflectance, after Sen2Cor 2.11."""


@app.command("process")
def process(
    product: Annotated[Path, typer.Argument(help="Level-1C SAFE folder, zip archive, or one granule folder.")],
    output_dir: Annotated[
        Path | None, typer.Option(help="Where the product appears; default: beside the input.")
    ] = None,
    work_dir: Annotated[Path | None, typer.Option(help="Keeps the finished stages for later runs.")] = None,
    resolution: Annotated[int | None, typer.Option(help="20: stop after 20 m and 60 m.")] = None,
    processing_baseline: Annotated[str | None, typer.Option(help="dd.dd; default from L2A_PB_GIPP.xml.")] = None,
    gip_l2a: Annotated[Path | None, typer.Option(help="Main configuration file.")] = None,
    tif: Annotated[bool, typer.Option("--tif", help="All images as GeoTIFF instead of JPEG 2000.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="All images as ENVI (rawl, hdr, gml).")] = False,
    cr_only: Annotated[
        bool, typer.Option("--cr-only", help="Folders and metadata of the product; nothing is processed.")
    ] = False,
    uncertainty: Annotated[
        bool, typer.Option(help="Write one standard deviation of the surface reflectance to QI_DATA.")
    ] = False,
    stac: Annotated[bool, typer.Option(help="Write a STAC item beside the product.")] = False,
    prefect: Annotated[bool, typer.Option(help="Run on the Prefect API, also without PREFECT_API_URL.")] = False,
    debug: Annotated[bool, typer.Option(help="Log in detail, and show the traceback of an error.")] = False,
) -> None:
    """Process one Level-1C product; the same as L2A_Process, with the same lines on stdout.

    Examples:

        sen2flow process S2B_MSIL1C_20231022T095949_N0509_R122_T32TQM_20231022T120200.SAFE

        sen2flow process PRODUCT.zip --output-dir /data/l2a --work-dir /data/work --prefect
    """
    words = [str(product)]
    named: dict[str, object] = {"output_dir": output_dir, "work_dir": work_dir, "resolution": resolution}
    named |= {"GIP_L2A": gip_l2a, "processing_baseline": processing_baseline}
    for name, value in named.items():
        words += [f"--{name}={value}"] if value is not None else []
    switches = {"prefect": prefect, "debug": debug, "uncertainty": uncertainty}
    switches |= {"tif": tif, "raw": raw, "cr_only": cr_only, "stac": stac}
    words += [f"--{name}" for name, wanted in switches.items() if wanted]
    raise typer.Exit(run(options_or_exit(words)))


@app.command("demo")
def demo(
    scene: Annotated[DemoScene, typer.Option(help="real: downloaded once; simulated: no download.")] = DemoScene.REAL,
    folder: Annotated[Path, typer.Option(help="Receives input, product and picture.")] = Path("demo"),
) -> None:
    """Process a scene on Prefect's embedded server and draw it.

    Example:

        sen2flow demo --scene simulated --folder /tmp/demo
    """
    # Imported late: the other commands start without matplotlib.
    from flows.cli.demo_run import run_demo

    raise typer.Exit(run_demo(scene, folder))


def main() -> None:
    """Entry point."""
    app()
