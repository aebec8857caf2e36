"""``sen2flow simulate``: write a Level-1C product with known truth."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from tasks.common.errors import InvalidConfiguration, L2AError
from tasks.simulation.parameters import (
    DEFAULT_ADJACENCY_KM,
    DEFAULT_HEIGHT_M,
    SMALLEST_STEP_M,
    SimulationParameters,
)
from tasks.simulation.simulate import SimulatedProduct, simulate_product

_LARGEST_KM: Final = 109.8
_SMALLEST_KM: Final = 1.2

_OPTION_OF: Final = {
    "platform": "--platform", "baseline": "--baseline", "aot550": "--aot", "water_vapour_cm": "--water-vapour",
    "seed": "--seed", "clouds": "--clouds", "adjacency_km": "--adjacency-km", "height_m": "--height-m",
}  # fmt: skip


class Platform(StrEnum):
    """Satellites that can be simulated."""

    S2A = "S2A"
    S2B = "S2B"
    S2C = "S2C"


def simulate(
    out: Annotated[Path, typer.Argument(help="Folder that receives the product and its truth.")],
    size_km: Annotated[
        float, typer.Option(help="Edge length [km], rounded to a multiple of 0.06; 109.8 is a full tile.")
    ] = 12.0,
    platform: Annotated[Platform, typer.Option(help="Satellite.")] = Platform.S2A,
    baseline: Annotated[str, typer.Option(help="Processing baseline, dd.dd.")] = "05.10",
    aot: Annotated[float, typer.Option(help="Aerosol optical thickness at 550 nm, 0 to 2.")] = 0.2,
    water_vapour: Annotated[float, typer.Option(help="Water vapour column [cm], 0.05 to 7.")] = 2.0,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal scenes.")] = 1,
    clouds: Annotated[float, typer.Option(help="Part of the scene under clouds, 0 to 0.95.")] = 0.0,
    adjacency_km: Annotated[
        float,
        typer.Option(help="Reach of the surroundings that shine into a pixel's path, 1 for 6S's own; 0 for none."),
    ] = DEFAULT_ADJACENCY_KM,
    height_m: Annotated[float, typer.Option(help="Height of the flat land [m].")] = DEFAULT_HEIGHT_M,
    noise: Annotated[bool, typer.Option("--noise/--no-noise", help="Radiometric noise of the instrument.")] = True,
    terrain: Annotated[bool, typer.Option("--terrain/--flat", help="Relief (not available yet) or flat land.")] = False,
) -> None:
    """Write a simulated Level-1C product and, beside it, its truth as GeoTIFFs.

    Truth: surface reflectance per band, AOT, water vapour, scene classes. Height and adjacency are those that the
    processor's default configuration assumes.

    Examples:

        sen2flow simulate /data/test

        sen2flow simulate /data/test --size-km 24 --aot 0.35 --clouds 0.1 --seed 7
    """
    try:
        made = _simulate(
            out,
            size_km,
            terrain,
            platform=platform.value,
            baseline=baseline,
            aot550=aot,
            water_vapour_cm=water_vapour,
            seed=seed,
            clouds=clouds,
            adjacency_km=adjacency_km,
            height_m=height_m,
            noise=noise,
        )
    except L2AError as error:
        typer.echo(f"sen2flow simulate: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"Product: {made.product.absolute()}")
    typer.echo(f"Truth:   {made.truth.absolute()}")


def _simulate(out: Path, size_km: float, terrain: bool, **values: object) -> SimulatedProduct:
    """Check the options and run the simulation.

    Raises:
        InvalidConfiguration: an option is out of range or asks for something that does not exist yet.
    """
    if terrain:
        raise InvalidConfiguration("--terrain is not available yet: the simulation has flat land only, use --flat")
    if not _SMALLEST_KM <= size_km <= _LARGEST_KM:
        raise InvalidConfiguration(f"--size-km {size_km:g}: expected {_SMALLEST_KM} to {_LARGEST_KM}")
    steps = round(size_km * 1000 / SMALLEST_STEP_M)
    pixels = steps * SMALLEST_STEP_M // 10
    try:
        parameters = SimulationParameters.model_validate({"rows": pixels, "cols": pixels, **values})
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        raise InvalidConfiguration(f"{_OPTION_OF.get(field, field)} {first['input']}: {first['msg']}") from error
    return simulate_product(out, parameters)
