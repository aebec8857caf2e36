"""``sen2flow archive``, ``retry`` and ``clean``: many products from the command line."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from tasks.common.errors import InvalidConfiguration, L2AError

if TYPE_CHECKING:
    from flows.archive.request import ArchiveOutcome, Row

Model = TypeVar("Model", bound=BaseModel)

_AGE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([mhdw])")
_AGE_UNIT: Final = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([MGT])B?", re.IGNORECASE)
_SIZE_UNIT: Final = {"M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

OutputDir = Annotated[Path, typer.Option(help="Receives the products and the ledger of what is done.")]
InFlight = Annotated[int, typer.Option(help="Products at a time.")]
TimeOut = Annotated[float, typer.Option(help="Time-out per product [min].")]
Attempts = Annotated[int, typer.Option(help="Attempts per product with the same configuration.")]
MemoryMb = Annotated[int, typer.Option(help="Free memory wanted before a start [MB]; 0: not checked.")]
DiskMb = Annotated[int, typer.Option(help="Free disk wanted before a start [MB]; 0: not checked.")]
Execution = Annotated[str, typer.Option(help="process: on this machine; deployment: by the workers of a server.")]


def archive(
    source: Annotated[str, typer.Argument(help="Folder tree, quoted glob, list file, or address of a STAC API.")],
    output_dir: OutputDir,
    work_dir: Annotated[
        Path | None, typer.Option(help="Keeps the finished stages; default: below the home, removed when done.")
    ] = None,
    tile: Annotated[list[str] | None, typer.Option(help="Only this MGRS tile; may be given again.")] = None,
    date_from: Annotated[str | None, typer.Option(help="First day of sensing, YYYY-MM-DD.")] = None,
    date_to: Annotated[str | None, typer.Option(help="Last day of sensing, included.")] = None,
    max_cloud: Annotated[float | None, typer.Option(help="Highest cloud cover [%].")] = None,
    baseline: Annotated[list[str] | None, typer.Option(help="Only this Level-1C baseline, dd.dd; again.")] = None,
    collection: Annotated[str, typer.Option(help="Collection of a STAC API.")] = "sentinel-2-l1c",
    resolution: Annotated[int | None, typer.Option(help="20: stop after 20 m and 60 m.")] = None,
    tif: Annotated[bool, typer.Option("--tif", help="All images as GeoTIFF instead of JPEG 2000.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="All images as ENVI (rawl, hdr, gml).")] = False,
    gip_l2a: Annotated[Path | None, typer.Option(help="Main configuration file.")] = None,
    stac: Annotated[bool, typer.Option(help="Write a STAC item beside each product.")] = False,
    in_flight: InFlight = 1,
    time_out_min: TimeOut = 120.0,
    max_attempts: Attempts = 3,
    memory_mb: MemoryMb = 3000,
    disk_mb: DiskMb = 6000,
    execution: Execution = "process",
    debug: Annotated[bool, typer.Option(help="Log in detail, and show the traceback of an error.")] = False,
) -> None:
    """Process all products of an archive that are not done yet, each in a process of its own.

    Runs on the Prefect API of PREFECT_API_URL, or without any server. Exit status: 0 all good, 1 a product needs
    attention (the CSV file named at the end says which).

    Examples:

        sen2flow archive /data/l1c --output-dir /data/l2a --in-flight 2

        sen2flow archive '/data/l1c/2023/*/S2B_*.zip' --output-dir /data/l2a --tile 32TQM --max-cloud 60
    """

    def run() -> ArchiveOutcome:
        from flows.archive.request import ArchiveRequest
        from flows.process_archive import process_archive, run_archive

        words = {
            "source": source, "output_dir": output_dir, "work_dir": work_dir, "tiles": tile or (),
            "date_from": date_from, "date_to": date_to, "max_cloud": max_cloud, "baselines": baseline or (),
            "collection": collection, "resolution": resolution, "gip_l2a": gip_l2a, "execution": execution,
            "tif": tif, "raw": raw, "stac": stac,
            "limits": _limits(in_flight, time_out_min, max_attempts, memory_mb, disk_mb),
        }  # fmt: skip
        return _either(process_archive, run_archive, _checked(ArchiveRequest, words))

    raise typer.Exit(_report("archive", run, debug))


def retry(
    output_dir: OutputDir,
    since: Annotated[str | None, typer.Option(help="Only attempts begun since: YYYY-MM-DD[Thh:mm] or 12h, 7d.")] = None,
    state: Annotated[list[str] | None, typer.Option(help="failed, crashed or degraded; may be given again.")] = None,
    code: Annotated[list[str] | None, typer.Option(help="Degraded: only codes that begin so; again.")] = None,
    force: Annotated[bool, typer.Option(help="Also broken inputs and products with no attempt left.")] = False,
    in_flight: InFlight = 1,
    time_out_min: TimeOut = 120.0,
    max_attempts: Attempts = 3,
    memory_mb: MemoryMb = 3000,
    disk_mb: DiskMb = 6000,
    execution: Execution = "process",
    debug: Annotated[bool, typer.Option(help="Log in detail, and show the traceback of an error.")] = False,
) -> None:
    """Run failed and killed products of earlier archive runs again; finished stages are reused.

    Examples:

        sen2flow retry --output-dir /data/l2a --since 24h

        sen2flow retry --output-dir /data/l2a --state degraded --code L2A-DEM
    """

    def run() -> ArchiveOutcome:
        from flows.archive.request import RetryRequest
        from flows.retry_failed import retry_failed, run_retry

        words: dict[str, Any] = {
            "output_dir": output_dir, "since": _moment(since), "force": force, "execution": execution,
            "limits": _limits(in_flight, time_out_min, max_attempts, memory_mb, disk_mb),
        }  # fmt: skip
        words |= {"states": tuple(state)} if state else {}
        words |= {"codes": tuple(code)} if code else {}
        return _either(retry_failed, run_retry, _checked(RetryRequest, words))

    raise typer.Exit(_report("retry", run, debug))


def clean(
    work_dir: Annotated[Path, typer.Argument(help="The work folder of archive runs.")],
    older_than: Annotated[str | None, typer.Option(help="Remove what was not used for so long: 12h, 30d, 4w.")] = None,
    max_size: Annotated[str | None, typer.Option(help="Remove the longest unused until so much is left: 500G.")] = None,
    keep_last: Annotated[int | None, typer.Option(help="Keep so many, the most recently used.")] = None,
    min_age: Annotated[str, typer.Option(help="Never remove what was used more recently.")] = "24h",
    dry_run: Annotated[bool, typer.Option(help="Only say what would go.")] = False,
) -> None:
    """Remove finished stages, extracted archives and downloads from a work folder. Products are never touched.

    Example:

        sen2flow clean /data/work --older-than 30d --max-size 500G --dry-run
    """
    from flows.archive.housekeeping import CleanRules
    from flows.archive.housekeeping import clean as remove

    try:
        if older_than is None and max_size is None and keep_last is None:
            raise InvalidConfiguration("say what may go: --older-than, --max-size or --keep-last")
        rules = CleanRules(
            older_than_s=None if older_than is None else age_seconds(older_than),
            max_bytes=None if max_size is None else size_bytes(max_size),
            keep_last=keep_last,
            safe_age_s=age_seconds(min_age),
        )
        gone = remove(work_dir, rules, dry_run=dry_run)
    except (L2AError, OSError) as error:
        print(f"sen2flow clean: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    for thing in gone:
        print(f"{thing.size / (1 << 20):10.0f} MB  {thing.path}")
    print(
        f"{'would free' if dry_run else 'freed'} {sum(t.size for t in gone) / (1 << 30):.2f} GB in {len(gone)} folders"
    )


def age_seconds(text: str) -> float:
    """Return the seconds of an age such as ``12h`` or ``30d``.

    Raises:
        InvalidConfiguration: it is none.
    """
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise InvalidConfiguration(f"age {text}: expected a number and m, h, d or w, such as 30d")
    return float(match[1]) * _AGE_UNIT[match[2]]


def size_bytes(text: str) -> int:
    """Return the bytes of a size such as ``500G``.

    Raises:
        InvalidConfiguration: it is none.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidConfiguration(f"size {text}: expected a number and M, G or T, such as 500G")
    return int(float(match[1]) * _SIZE_UNIT[match[2].upper()])


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    if _AGE.fullmatch(text.strip()):
        return datetime.now(UTC) - timedelta(seconds=age_seconds(text))
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidConfiguration(f"--since {text}: expected YYYY-MM-DD, YYYY-MM-DDThh:mm or an age: 24h") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _limits(in_flight: int, time_out_min: float, max_attempts: int, memory_mb: int, disk_mb: int) -> dict[str, Any]:
    return {
        "in_flight": in_flight,
        "time_out_min": time_out_min,
        "max_attempts": max_attempts,
        "memory_mb": memory_mb,
        "disk_mb": disk_mb,
    }


def _checked(model: type[Model], words: dict[str, Any]) -> Model:
    try:
        return model.model_validate(words)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        which = f"{where} {first['input']}: " if where else ""
        raise InvalidConfiguration(f"{which}{first['msg'].removeprefix('Value error, ')}") from error


def _either(flow: Any, function: Callable[..., ArchiveOutcome], request: Any) -> ArchiveOutcome:
    """Run the flow when a Prefect API is configured, else its function."""
    if not os.environ.get("PREFECT_API_URL"):
        if request.execution == "deployment":
            raise InvalidConfiguration("--execution deployment needs a Prefect server: set PREFECT_API_URL")
        return function(request, _show)
    from flows.archive.request import ArchiveOutcome

    state = flow(request, return_state=True)
    found = state.result(raise_on_failure=False)
    if isinstance(found, BaseException):
        raise found
    if not isinstance(found, ArchiveOutcome):
        raise InvalidConfiguration(f"the run ended as {state.name}: {state.message}")
    return found


def _show(row: Row) -> None:
    product = f" {row.product}" if row.product is not None else ""
    print(f"{row.ending.value:<11} {row.key}{product}{f': {row.message}' if row.message else ''}", flush=True)


def _report(word: str, run: Callable[[], ArchiveOutcome], debug: bool) -> int:
    """Run, print the numbers, and return the exit code; a user's mistake is one line on standard error."""
    from flows.archive.summary import one_line
    from flows.cli.execute import configure_logging

    configure_logging(debug)
    try:
        outcome = run()
    except (L2AError, ValidationError) as error:
        if debug:
            raise
        print(f"sen2flow {word}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"sen2flow {word}: stopped; what is finished is kept, run it again to go on", file=sys.stderr)
        return 130
    print(f"Summary: {outcome.table}")
    print(one_line(outcome), flush=True)
    return 0 if outcome.good else 1
