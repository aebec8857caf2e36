"""``L2A_Process``: the program under Sen2Cor's name, with Sen2Cor's words."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

from flows.cli.console import Console
from flows.cli.options import PROGRAM, L2AProcessOptions, options_or_exit


def main(arguments: Sequence[str] | None = None) -> None:
    """Process one product as the command line says; exit with 0 or 1."""
    options = options_or_exit(arguments)
    raise SystemExit(run(options))


def run(options: L2AProcessOptions) -> int:
    """Process one product and return the exit code; a user's mistake is one line on standard error."""
    # Imported late: --help and wrong options answer at once, without Prefect's start-up.
    from flows.cli.execute import configure_logging, execute, one_line
    from flows.request import ProductRequest
    from tasks.common.errors import L2AError

    configure_logging(options.debug)
    console = Console()
    console.start(options.processing_baseline)
    shared = set(ProductRequest.model_fields) & set(L2AProcessOptions.model_fields)
    request = ProductRequest(input_path=options.input_dir, **{name: getattr(options, name) for name in shared})
    try:
        outcome = execute(request, prefect=options.prefect, step=console.step)
    except L2AError as error:
        _explain(one_line(error), options.debug)
        console.finish(None)
        return 1
    except Exception as error:  # the last line of defence: a defect is reported in one line too
        _explain(f"internal error, please report it: {type(error).__name__}: {one_line(error)}", options.debug)
        console.finish(None)
        return 1
    for tile in outcome.tiles:
        if tile.skipped is not None:
            print(f"Skipped: T{tile.mgrs_tile}: {tile.skipped}", flush=True)
    console.finish(outcome.product, skipped=outcome.product is None)
    return 0


def _explain(message: str, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    hint = "" if debug or not message.startswith("internal error") else " (--debug shows where)"
    print(f"{PROGRAM}: {message}{hint}", file=sys.stderr, flush=True)
