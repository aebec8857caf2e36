"""``sen2flow inspect``: what is in a product, a work folder or an archive's output folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from tasks.common.errors import L2AError


def inspect(
    path: Annotated[Path, typer.Argument(help="Level-1C or Level-2A product, work folder, or output folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print what a folder holds: figures and fall-backs of a product, stages of a work folder, an archive's ledger.

    Nothing is changed. Exit status: 0 all sound, 1 something is not: a stage or a product's file is missing or
    damaged, a product of the ledger failed, crashed or is gone, or the path is nothing that this program knows.

    Examples:

        sen2flow inspect S2B_MSIL2A_20231022T095949_N0509_R122_T32TQM_20231022T130000.SAFE

        sen2flow inspect /data/work

        sen2flow inspect /data/l2a --json
    """
    from flows.inspection import inspect_path

    try:
        found = inspect_path(path.expanduser().absolute())
    except (L2AError, OSError) as error:
        typer.echo(f"sen2flow inspect: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(1) from error
    typer.echo(found.model_dump_json() if as_json else "\n".join(_lines(found)))
    raise typer.Exit(0 if _is_sound(found) else 1)


def _is_sound(found: Any) -> bool:
    if found.kind == "work folder":
        return all(stage.sound for tile in found.tiles for stage in tile.stages)
    if found.kind == "archive":
        return not found.missing and not set(found.counts) & {"failed", "crashed"}
    return bool(found.complete)


def _lines(found: Any) -> Iterator[str]:
    yield f"{found.kind}: {found.path}"
    lines = {"work folder": _work, "archive": _archive}.get(found.kind, _product)
    yield from lines(found)


def _product(found: Any) -> Iterator[str]:
    yield from _figures(found.figures, "  ")
    if not found.complete:
        yield "  not complete: no manifest.safe"
    for granule in found.granules:
        yield f"  {granule.name}"
        yield from _figures(granule.figures, "    ")
        yield from (f"    {fallback.code}: {fallback.message}" for fallback in granule.fallbacks)


def _figures(figures: dict[str, Any], indent: str) -> Iterator[str]:
    width = max((len(name) for name in figures), default=0)
    for name, value in figures.items():
        yield f"{indent}{name:<{width}}  {f'{value:.6g}' if isinstance(value, float) else value}"


def _work(found: Any) -> Iterator[str]:
    for tile in found.tiles:
        size = sum(stage.bytes for stage in tile.stages)
        yield f"  {tile.key}: {len(tile.stages)} results, {size / (1 << 20):.1f} MB"
        for stage in tile.stages:
            state = f"version {stage.version:<4} {stage.bytes / (1 << 20):8.1f} MB" if stage.sound else "DAMAGED"
            yield f"    {stage.stage:<24} {stage.fingerprint[:12]}  {state}"
            scalars = {k: v for k, v in stage.statistics.items() if isinstance(v, (int, float, str))}
            yield from _figures(scalars, "      ")
            yield from (f"      {fallback.code}: {fallback.message}" for fallback in stage.fallbacks)


def _archive(found: Any) -> Iterator[str]:
    yield "  " + ", ".join(f"{number} {status}" for status, number in sorted(found.counts.items()))
    for entry in found.entries:
        told = entry.message or " ".join(entry.fallbacks)
        moment = entry.started.strftime("%Y-%m-%d %H:%M")
        yield f"  {entry.status.value:<8} {entry.key}  {moment}  attempt {entry.attempt}{f'  {told}' if told else ''}"
    yield from (f"  its product is gone: {key}" for key in found.missing)
