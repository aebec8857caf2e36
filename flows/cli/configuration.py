"""``sen2flow config``: the configuration in force, and whether a GIPP can be used."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tasks.common.errors import L2AError
from tasks.common.gipp.schema import spelt

app = typer.Typer(help="The configuration in force; check a GIPP before a run.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_LONGEST: int = 60


@app.command("show")
def show(
    gip_l2a: Annotated[Path | None, typer.Option(help="Main configuration file.")] = None,
    gip_l2a_sc: Annotated[Path | None, typer.Option(help="Scene classification.")] = None,
    gip_l2a_ac: Annotated[Path | None, typer.Option(help="Atmospheric correction.")] = None,
    gip_l2a_pb: Annotated[Path | None, typer.Option(help="Processing baseline.")] = None,
    differences: Annotated[bool, typer.Option(help="Only values that are not the shipped ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print every value that a run would use, from which file; * marks what is not the shipped value.

    Examples:

        sen2flow config show --differences

        sen2flow config show --gip-l2a my_GIPP.xml --json
    """
    from flows.cli.home import prepare_home
    from flows.effective_configuration import effective_configuration
    from flows.request import ProductRequest

    try:
        files = {"gip_l2a": gip_l2a, "gip_l2a_sc": gip_l2a_sc, "gip_l2a_ac": gip_l2a_ac, "gip_l2a_pb": gip_l2a_pb}
        home = prepare_home(announce=lambda line: print(line, file=sys.stderr))
        found = effective_configuration(ProductRequest(input_path=Path(), **files), home)
    except L2AError as error:
        _fail("show", error)
    typer.echo(_document(found, differences) if as_json else _listing(found, differences))


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="Any of the four GIPPs, of any version of Sen2Cor.")],
    as_json: AsJson = False,
) -> None:
    """Read a GIPP as a run would; print what differs from the shipped values, and what was ignored or replaced.

    Exit status: 0 it can be used, 1 it cannot (one line says file, line, element and what is allowed).

    Example:

        sen2flow config check ~/sen2cor/2.11/cfg/L2A_GIPP.xml
    """
    from flows.cli.home import prepare_home
    from flows.effective_configuration import check_gipp

    try:
        found = check_gipp(file.expanduser().absolute(), prepare_home(announce=lambda _line: None))
    except L2AError as error:
        _fail("check", error)
    typer.echo(_document(found, True) if as_json else f"{_listing(found, True)}\n{file}: can be used")


def _fail(word: str, error: L2AError) -> None:
    typer.echo(f"sen2flow config {word}: {' '.join(str(error).split())}", err=True)
    raise typer.Exit(1) from error


def _document(found: Any, differences: bool) -> str:
    document = found.model_dump(mode="json")
    chosen = found.differences if differences else found.settings
    document["settings"] = [{**s.model_dump(mode="json"), "is_default": s.is_default} for s in chosen]
    return json.dumps(document)


def _listing(found: Any, differences: bool) -> str:
    lines = [f"processing baseline {found.processing_baseline}"]
    for key, path in found.files.items():
        lines.append(f"{path}")
        chosen = [s for s in (found.differences if differences else found.settings) if s.file == key]
        lines += [_line(setting) for setting in chosen] or ["    all values are the shipped ones"]
    return "\n".join(lines + [f"note: {note}" for note in found.notes])


def _line(setting: Any) -> str:
    unit = f" {setting.unit}" if setting.unit else ""
    default = "" if setting.is_default else f"   (shipped: {_shown(setting.default)})"
    place = f"{setting.section}/{setting.name}" if setting.section else setting.name
    return f"  {' ' if setting.is_default else '*'} {place:<60} {_shown(setting.value)}{unit}{default}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        text = " ".join(f"{band}={entry}" for band, entry in value.items())
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return spelt(value)
