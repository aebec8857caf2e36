"""``sen2flow compare``: how two Level-2A results differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tasks.common.errors import InvalidConfiguration, L2AError
from tasks.comparison.compare import Comparison
from tasks.comparison.compare import compare as compare_sides
from tasks.comparison.side import open_side

_HIGHEST_CLASS = 11


def compare(
    a: Annotated[Path, typer.Argument(help="Level-2A SAFE folder.")],
    b: Annotated[Path, typer.Argument(help="Another Level-2A SAFE folder, or a simulation's truth folder.")],
    classes: Annotated[str, typer.Option(help="Scene classes whose pixels are compared, in A and B.")] = "4,5,6",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print accuracy A (mean of the differences), precision P and uncertainty U per band, and the class confusion.

    Examples:

        sen2flow compare MINE.SAFE ESA.SAFE

        sen2flow compare MINE.SAFE S2A_MSIL1C_..._TRUTH --classes 4,5 --json
    """
    try:
        result = compare_sides(open_side(a), open_side(b), _parsed(classes))
    except L2AError as error:
        typer.echo(f"sen2flow compare: {error}", err=True)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(json.dumps({**result.model_dump(mode="json"), "class_agreement": result.class_agreement}))
    else:
        typer.echo(_table(result))


def _parsed(classes: str) -> tuple[int, ...]:
    words = [word.strip() for word in classes.split(",")]
    if not all(word.isdigit() and int(word) <= _HIGHEST_CLASS for word in words):
        raise InvalidConfiguration(f"--classes {classes}: expected class numbers 0 to 11 with commas, such as 4,5,6")
    return tuple(int(word) for word in words)


def _table(result: Comparison) -> str:
    lines = [f"pixels of classes {', '.join(map(str, result.classes))}; differences are A - B"]
    lines.append(f"{'image':<10}{'pixels':>12}{'mean A':>10}{'mean B':>10}{'A':>10}{'P':>10}{'U':>10}")
    for name, f in result.images.items():
        figures = (f.mean_a, f.mean_b, f.accuracy, f.precision, f.uncertainty)
        lines.append(f"{name:<10}{f.count:>12}" + "".join(f"{value:>10.5f}" for value in figures))
    if result.class_agreement is not None:
        lines.append(
            f"\nsame class: {result.class_agreement:.2f} % of the pixels valid in both; A in rows, B in columns:"
        )
        lines.append("     " + "".join(f"{column:>10}" for column in range(len(result.confusion))))
        lines += [f"{row:>5}" + "".join(f"{n:>10}" for n in counts) for row, counts in enumerate(result.confusion)]
    return "\n".join(lines)
