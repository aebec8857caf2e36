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
from tasks.common.grid import Grid
from tasks.common.records import Record
from tasks.dem.cells import cells_covering
from tasks.dem.download import fetch_cells
from tasks.dem.folder import can_grow, cell_problem
from tasks.dem.footprint import geographic_box
from tasks.dem.mgrs import tile_grid
from tasks.dem.parameters import DemParameters, DemSurvey
from tasks.dem.sources import cells_in_folder, dem_folder, preferred_kinds, survey_cells
from tasks.dem.surroundings import WIDEST, Margin, margin_of, with_margin
from tasks.dem.terrain import SunGrid
from tasks.esa_cci.package import WITHOUT, map_states, unpack_maps
from tasks.esa_cci.parameters import EsaCciParameters
from tasks.l1c.angles import clean_sun_grid
from tasks.l1c.archive import open_input
from tasks.l1c.load import load_source, tile_references
from tasks.meteo.cams_files import cams_folder, describe_folder
from tasks.meteo.parameters import MeteoParameters

app = typer.Typer(help="Elevation model and global maps: verify, prefetch, unpack, list.", no_args_is_help=True)

TilesOption = Annotated[str, typer.Option(help="Names of tiles, separated by commas: 32TPS,32TQS.")]
ProductsOption = Annotated[
    list[Path] | None, typer.Option(help="Level-1C product whose tiles are meant; may be repeated.")
]
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


class _Configured(Record):
    """What the configuration says about auxiliary data."""

    home: Home
    gipp_path: str
    dem: DemParameters
    maps: EsaCciParameters
    meteo: MeteoParameters


def _configuration(gip_l2a: Path | None) -> _Configured:
    home = prepare_home(announce=lambda line: print(line, file=sys.stderr))
    gipp = resolve_gipp(_Choice(gip_l2a=gip_l2a), home)
    folder = str(home.folder)
    return _Configured(
        home=home,
        gipp_path=str(gipp.files["l2a"]),
        dem=gipp.select(DemParameters, home=folder),
        maps=gipp.select(EsaCciParameters, aux_data=str(home.aux_data), home=folder),
        meteo=gipp.select(MeteoParameters, home=folder),
    )


@app.command("verify")
def verify(tiles: TilesOption = "", products: ProductsOption = None, gip_l2a: GippOption = None) -> None:
    """Say what is there, what is missing, and what that disables. Nothing is downloaded.

    Exit 1 when something is there and damaged, or when a tile that was named lacks cells.

    Examples:

        sen2flow aux verify

        sen2flow aux verify --tiles 32TPS,32TQS
    """
    with _one_line_errors():
        configured = _configuration(gip_l2a)
        typer.echo(f"configuration   {configured.gipp_path}")
        damaged = _verify_elevation(configured.dem)
        for state in map_states(configured.maps):
            effect = f" -> {WITHOUT[state.name]}" if state.problem else ""
            typer.echo(f"{state.name:<15} {state.path}: {state.problem or 'there'}{effect}")
            damaged |= state.problem not in ("", "missing")
        maps = configured.home.aux_data
        typer.echo(f"maps belong in  {maps} (SEN2COR_AUX); archive: sen2flow aux unpack ARCHIVE")
        damaged |= _verify_aerosol(configured.meteo)
        named = _wanted(tiles, products, configured.home) if configured.dem.dem_directory else []
        for name, grid, margin in named:
            survey = survey_cells(geographic_box(grid), configured.dem, geographic_box(with_margin(grid, margin)))
            damaged |= _show_tile(name, grid, survey, configured.dem)
    raise typer.Exit(1 if damaged else 0)


def _verify_elevation(dem: DemParameters) -> bool:
    """Say what the elevation folder holds; return whether anything in it is damaged."""
    folder = dem_folder(dem)
    if folder is None:
        typer.echo("elevation       off (DEM_Directory is NONE) -> flat terrain, and the ESA CCI maps are not used")
        return False
    cells = cells_in_folder(folder) if folder.is_dir() else ()
    there = f"{len(cells)} cells" if folder.is_dir() else "missing"
    source = dem.download_address
    label = f"DEM_Reference is {'the label ' + dem.dem_reference if dem.dem_reference else 'NONE'}"
    typer.echo(f"elevation       {folder}: {there}; source: {source or f'nothing is downloaded ({label})'}")
    if not cells and source is None:
        typer.echo("                -> flat terrain, and the ESA CCI maps are not used")
    if source is not None and not can_grow(folder):
        typer.echo("                cannot be written -> cells that are missing are not downloaded")
    problems = [problem for cell in cells if (problem := cell_problem(cell))]
    for problem in problems:
        typer.echo(f"                {problem} -> tiles on it get flat terrain")
    return bool(problems)


def _verify_aerosol(meteo: MeteoParameters) -> bool:
    """Say what the folder of CAMS files holds; return whether anything in it is damaged."""
    effect = "-> AOT without CAMS where the product has no AUX_CAMSFO"
    folder = cams_folder(meteo)
    if folder is None:
        typer.echo(f"CAMS files      off (CAMS_Directory is NONE) {effect}")
        return False
    if not folder.is_dir():
        typer.echo(f"CAMS files      {folder}: missing {effect}")
        return False
    content, unread = describe_folder(folder)
    typer.echo(f"CAMS files      {folder}: {content}{' ' + effect if content.startswith('no ') else ''}")
    for line in unread:
        typer.echo(f"                {line}")
    return bool(unread)


def _show_tile(name: str, grid: Grid, survey: DemSurvey, dem: DemParameters) -> bool:
    """Print a tile's cells and what missing ones disable; return whether it lacks any of its own."""
    count = len(cells_covering(geographic_box(grid), survey.kind or preferred_kinds(dem.dem_reference)[0]))
    lines = [f"{name} {survey.kind or 'nothing found'} {len(survey.files)} of {count} cells, {len(survey.sea)} sea"]
    if survey.missing:
        effect = "taken for sea" if survey.kind else "flat terrain"
        lines.append(f"missing: {', '.join(survey.missing)} -> {effect}")
    if survey.coarser:
        lines.append(f"90 m instead of 30 m: {', '.join(survey.coarser)}")
    if survey.outer_missing:
        lines.append(f"missing around it: {', '.join(survey.outer_missing)} -> terrain there shades nothing")
    lines += [problem for problem in (survey.problem, survey.outer_problem) if problem]
    typer.echo("; ".join(lines))
    return bool(survey.missing or survey.problem or survey.kind is None)


@app.command("prefetch")
def prefetch(tiles: TilesOption = "", products: ProductsOption = None, gip_l2a: GippOption = None) -> None:
    """Download the elevation cells of tiles now, so that a night run never waits. Exit 1 when a tile lacks any.

    The cells around a tile whose mountains may shade it come too: for a product as far as its sun asks for, for a tile
    up to 20 km.

    Examples:

        sen2flow aux prefetch --tiles 32TPS,32TQS

        sen2flow aux prefetch --products S2B_MSIL1C_20231022T095949_N0509_R122_T32TQM_20231022T120200.SAFE
    """
    failed = False
    with _one_line_errors():
        configured = _configuration(gip_l2a)
        dem = configured.dem
        if dem.dem_directory is None:
            raise InvalidConfiguration("no DEM is configured: set DEM_Directory in L2A_GIPP.xml to a folder")
        wanted = _wanted(tiles, products, configured.home)
        if not wanted:
            raise InvalidConfiguration("nothing to fetch: give --tiles or --products")
        for name, grid, margin in wanted:
            around = geographic_box(with_margin(grid, margin))
            failed |= _show_tile(name, grid, fetch_cells(geographic_box(grid), dem, around=around), dem)
    raise typer.Exit(1 if failed else 0)


def _wanted(tiles: str, products: list[Path] | None, home: Home) -> list[tuple[str, Grid, Margin]]:
    """Return name, 20 m grid and surroundings of the tiles that were named, and of those of products."""
    names = (name.strip().upper() for name in tiles.split(",") if name.strip())
    found = [(name, tile_grid(name).at(20), WIDEST) for name in names]
    work_dir = home.folder / "work"
    for product in products or []:
        for source in (load_source(tile) for tile in tile_references(open_input(product, work_dir), work_dir)):
            tile = source.tile
            angles = clean_sun_grid(tile.sun, tile.mean_sun_zenith_deg, tile.mean_sun_azimuth_deg)
            margin = margin_of(SunGrid(*angles, tile.sun.step_m))
            found.append((f"T{source.mgrs_tile.removeprefix('T')}", tile.grid.at(20), margin))
    return found


@app.command("unpack")
def unpack(
    archive: Annotated[Path, typer.Argument(help="ESACCI-LC-L4-ALL-FOR-SEN2COR-*.tar.gz")], gip_l2a: GippOption = None
) -> None:
    """Unpack ESA's archive of global maps to where the program looks for them.

    Example:

        sen2flow aux unpack ESACCI-LC-L4-ALL-FOR-SEN2COR-2.10.tar.gz
    """
    with _one_line_errors():
        maps = _configuration(gip_l2a).maps
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
        configured = _configuration(gip_l2a)
        folder, maps = dem_folder(configured.dem), configured.maps
        paths = list(cells_in_folder(folder)) if folder is not None and folder.is_dir() else []
        for state in map_states(maps):
            if state.path.is_dir():
                paths += sorted(path for path in state.path.iterdir() if path.is_file())
            elif state.path.is_file():
                paths.append(state.path)
        for path in paths:
            typer.echo(f"{path.stat().st_size:>12} {path}")
        if not paths:
            typer.echo("no elevation cell and no map; sen2flow aux verify says where they belong", err=True)
