"""``sen2flow rt``: the atmosphere at points, forward and inverse."""

from __future__ import annotations

import csv
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, cast

import typer

from tasks.common.errors import InvalidInput, L2AError
from tasks.radiative_transfer.bands import BandTables, integrate_bands
from tasks.radiative_transfer.limits import CLAMPED_CODE, LIMITS, SEN2COR_SUN_ZENITH_DEG, clamped_inputs
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.radiative_transfer.point_file import PointFile, parse_points, table_of_results
from tasks.radiative_transfer.points import evaluate_points
from tasks.radiative_transfer.table import AerosolType, GasModel


class Aerosol(StrEnum):
    """Aerosol types of the table; the last two are solved as by 6SV."""

    RURAL = "rural"
    MARITIME = "maritime"
    URBAN = "urban"
    DESERT = "desert"
    CONTINENTAL = "continental"
    MARITIME_6S = "maritime_6s"


class Gas(StrEnum):
    """Gas models."""

    LUT = "lut"
    SIXS = "6s"


class Platform(StrEnum):
    """Satellites whose spectral responses are known."""

    S2A = "S2A"
    S2B = "S2B"
    S2C = "S2C"


def rt(
    points: Annotated[Path, typer.Argument(help="CSV file with a header; see below.")],
    out: Annotated[Path, typer.Argument(help="CSV file to write.")],
    aerosol: Annotated[
        Aerosol,
        typer.Option(help="Aerosol type; continental and maritime_6s emulate 6SV 2.1, for comparisons with it."),
    ] = Aerosol.RURAL,
    gas: Annotated[
        Gas, typer.Option(help="lut: as products are processed; 6s: gases of 6SV, for comparisons with it.")
    ] = Gas.LUT,
    platform: Annotated[Platform, typer.Option(help="Satellite of rows without a platform.")] = Platform.S2A,
    polarisation: Annotated[
        bool, typer.Option("--polarisation/--scalar", help="With or without the polarisation of scattered light.")
    ] = True,
    sun_limit: Annotated[
        bool, typer.Option(help=f"Take a sun below {SEN2COR_SUN_ZENITH_DEG:g} degrees to stand there, as Sen2Cor does.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Also draw transmittances and path here (.png).")] = None,
) -> None:
    """Evaluate the atmosphere at points: top-of-atmosphere reflectance, its parts, and the surface seen through it.

    Columns read: band, sza_deg, vza_deg, raa_deg, aot550, water_vapour_cm, ozone_du, elevation_km; at will platform,
    rho_surface, rho_toa. Columns are above the surface; raa_deg 0 = sun behind the sensor.

    Columns written: those, rho_toa (from rho_surface), path_reflectance, transmittance_down, transmittance_up,
    spherical_albedo, gas_transmittance, and rho_surface_retrieved (from rho_toa).

    Examples:

        sen2flow rt points.csv result.csv --aerosol maritime

        sen2flow rt points.csv result.csv --gas 6s --aerosol continental --plot result.png
    """
    try:
        file = _read(points, platform.value)
        limit = SEN2COR_SUN_ZENITH_DEG if sun_limit else LIMITS["sun_zenith_deg"][1]
        tables = _tables(file, aerosol.value, gas.value, polarisation, limit)
        results = evaluate_points(file.points, tables)
        rows = table_of_results(file, results)
        _write(out, rows)
        for line in _clamped(file):
            typer.echo(f"WARNING {CLAMPED_CODE}: {line}", err=True)
        if plot is not None:
            # Imported late: the command starts without matplotlib.
            from flows.cli.rt_plot import draw

            draw(plot, file.points.band, results)
    except L2AError as error:
        typer.echo(f"sen2flow rt: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{len(rows)} points: {out.absolute()}")


def _read(path: Path, platform: str) -> PointFile:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: cannot be read as text ({error})") from error
    return parse_points(text.splitlines(), str(path), platform)


def _tables(
    file: PointFile, aerosol: str, gas: str, polarisation: bool, sun_zenith_limit_deg: float
) -> dict[str, BandTables]:
    table = load_spectral_table()
    return {
        name: integrate_bands(
            table,
            {band: r for band, r in default_responses(name).items() if band in file.points.band},
            cast(AerosolType, aerosol),
            cast(GasModel, gas),
            polarisation,
            sun_zenith_limit_deg,
        )
        for name in sorted(set(file.points.platform))
    }


def _clamped(file: PointFile) -> tuple[str, ...]:
    points = file.points
    return clamped_inputs(
        sun_zenith_deg=points.sza_deg,
        view_zenith_deg=points.vza_deg,
        aot550=points.aot550,
        height_km=points.elevation_km,
        water_vapour_cm=points.water_vapour_cm,
        ozone_du=points.ozone_du,
    )


def _write(out: Path, rows: list[dict[str, str]]) -> None:
    temporary = out.with_name(f"{out.name}.part")
    try:
        with temporary.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        os.replace(temporary, out)
    except OSError as error:
        raise InvalidInput(f"{out}: cannot be written ({error})") from error
