"""``sen2flow aux``: what the program needs besides the Level-1C product, seen to before the night run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.home import Home, prepare_home, resolve_gipp
from tasks.common.errors import InvalidConfiguration, L2AError
from tasks.common.gipp import Gipp
from tasks.common.grid import Grid
from tasks.common.records import Record
from tasks.dem.cells import cells_covering
from tasks.dem.download import fetch_cells
from tasks.dem.footprint import geographic_box
from tasks.dem.mgrs import tile_grid
from tasks.dem.parameters import DemParameters
from tasks.dem.sources import cells_in_folder, dem_folder, preferred_kinds
from tasks.esa_cci.package import WITHOUT, map_states, unpack_maps
from tasks.esa_cci.parameters import EsaCciParameters
from tasks.l1c.archive import open_input
from tasks.l1c.load import load_source, tile_references

app = typer.Typer(help="Elevation model and global maps: verify, prefetch, unpack, list.", no_args_is_help=True)

GippOption = Annotated[Path | None, typer.Option("--gip-l2a", help="Main configuration file.")]


class _Choice(Record):
    """The configuration asked for on the command line."""

    gip_l2a: Path | None = None
    gip_l2a_sc: Path | None = None
    gip_l2a_ac: Path | None = None
    gip_l2a_pb: Path | None = None
    processing_baseline: str | None = None


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """A user's mistake costs one line on stderr and exit code 1."""
    try:
        yield
    except L2AError as error:
        typer.echo(" ".join(str(error).split()), err=True)
        raise typer.Exit(1) from error


def _configuration(gip_l2a: Path | None) -> tuple[Home, Gipp, DemParameters, EsaCciParameters]:
    home = prepare_home(announce=lambda line: print(line, file=sys.stderr))
    gipp = resolve_gipp(_Choice(gip_l2a=gip_l2a), home)
    maps = gipp.select(EsaCciParameters, aux_data=str(home.aux_data))
    return home, gipp, gipp.select(DemParameters, home=str(home.folder)), maps


@app.command("verify")
def verify(gip_l2a: GippOption = None) -> None:
    """Say what is there, what is missing, and what that disables. Exit 1 when something is there and damaged.

    Example:

        sen2flow aux verify
    """
    with _one_line_errors():
        home, gipp, dem, maps = _configuration(gip_l2a)
        typer.echo(f"configuration   {gipp.files['l2a']}")
        folder = dem_folder(dem)
        if folder is None:
            typer.echo("elevation       off (DEM_Directory is NONE): flat terrain, and the global maps are not used")
        else:
            there = f"{len(cells_in_folder(folder))} cells" if folder.is_dir() else "missing"
            source = dem.dem_reference or "nothing is downloaded (DEM_Reference is NONE)"
            typer.echo(f"elevation       {folder}: {there}; source: {source}")
        damaged = False
        for state in map_states(maps):
            effect = f" -> {WITHOUT[state.name]}" if state.problem else ""
            typer.echo(f"{state.name:<15} {state.path}: {state.problem or 'there'}{effect}")
            damaged |= state.problem not in ("", "missing")
        typer.echo(f"maps belong in  {home.aux_data} (SEN2COR_AUX); archive: sen2flow aux unpack ARCHIVE")
    raise typer.Exit(1 if damaged else 0)


@app.command("prefetch")
def prefetch(
    tiles: Annotated[str, typer.Option(help="Names of tiles, separated by commas: 32TPS,32TQS.")] = "",
    products: Annotated[
        list[Path] | None, typer.Option(help="Level-1C product whose tiles are meant; may be repeated.")
    ] = None,
    gip_l2a: GippOption = None,
) -> None:
    """Download the elevation cells of tiles now, so that a night run never waits. Exit 1 when a tile lacks any.

    Examples:

        sen2flow aux prefetch --tiles 32TPS,32TQS

        sen2flow aux prefetch --products S2B_MSIL1C_20231022T095949_N0509_R122_T32TQM_20231022T120200.SAFE
    """
    failed = False
    with _one_line_errors():
        home, _, dem, _ = _configuration(gip_l2a)
        if dem.dem_directory is None:
            raise InvalidConfiguration("no DEM is configured: set DEM_Directory in L2A_GIPP.xml to a folder")
        wanted = {name.strip().upper(): tile_grid(name) for name in tiles.split(",") if name.strip()}
        for product in products or []:
            wanted |= _tiles_of(product, home.folder / "work")
        if not wanted:
            raise InvalidConfiguration("nothing to fetch: give --tiles or --products")
        for name, grid in wanted.items():
            box = geographic_box(grid)
            survey = fetch_cells(box, dem)
            count = len(cells_covering(box, survey.kind or preferred_kinds(dem.dem_reference)[0]))
            state = f"{len(survey.files)} of {count} cells, {len(survey.sea)} sea, {len(survey.missing)} missing"
            coarser = f", 90 m instead of 30 m: {', '.join(survey.coarser)}" if survey.coarser else ""
            problem = f": {survey.problem}" if survey.problem else ""
            typer.echo(f"{name} {survey.kind or 'nothing found'} {state}{coarser}{problem}")
            failed |= bool(survey.missing or survey.problem or survey.kind is None)
    raise typer.Exit(1 if failed else 0)


def _tiles_of(product: Path, work_dir: Path) -> dict[str, Grid]:
    """Return the grids of a product's granules by name."""
    sources = [load_source(tile) for tile in tile_references(open_input(product, work_dir), work_dir)]
    return {f"T{source.mgrs_tile.removeprefix('T')}": source.tile.grid for source in sources}


@app.command("unpack")
def unpack(
    archive: Annotated[Path, typer.Argument(help="ESACCI-LC-L4-ALL-FOR-SEN2COR-*.tar.gz")], gip_l2a: GippOption = None
) -> None:
    """Unpack ESA's archive of global maps to where the program looks for them.

    Example:

        sen2flow aux unpack ESACCI-LC-L4-ALL-FOR-SEN2COR-2.10.tar.gz
    """
    with _one_line_errors():
        _, _, _, maps = _configuration(gip_l2a)
        if not archive.is_file():
            raise InvalidConfiguration(f"{archive}: no such file")
        for path in unpack_maps(archive, maps):
            typer.echo(str(path))


@app.command("list")
def list_files(gip_l2a: GippOption = None) -> None:
    """List the elevation cells and the maps that are there, with their sizes [bytes].

    Example:

        sen2flow aux list
    """
    with _one_line_errors():
        _, _, dem, maps = _configuration(gip_l2a)
        folder = dem_folder(dem)
        paths = list(cells_in_folder(folder)) if folder is not None and folder.is_dir() else []
        for state in map_states(maps):
            if state.path.is_dir():
                paths += sorted(path for path in state.path.iterdir() if path.is_file())
            elif state.path.is_file():
                paths.append(state.path)
        for path in paths:
            typer.echo(f"{path.stat().st_size:>12} {path}")
