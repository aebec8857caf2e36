"""``sen2flow up``: the whole service on one machine, with one command."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from tasks.common.errors import L2AError


def up(
    l1c: Annotated[Path, typer.Option(help="Where Level-1C products arrive: folder, or another source of archive.")],
    l2a: Annotated[Path, typer.Option(help="Where Level-2A products appear.")],
    work: Annotated[Path | None, typer.Option(help="Keeps finished stages; default: below the home.")] = None,
    host: Annotated[
        str, typer.Option(help="Address to bind; anything but 127.0.0.1 wants authentication.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the server and its UI.")] = 4200,
    tiles: Annotated[int, typer.Option(min=1, help="Products at a time; a 110 km tile wants about 2 GB.")] = 1,
) -> None:
    """Start server, workers and deployments; Ctrl-C stops them all.

    For one machine and one person: the database is SQLite. Authentication: set PREFECT_SERVER_API_AUTH_STRING to
    user:password. Several machines or people: deployments/compose.yaml.

    Example:

        sen2flow up --l1c /data/l1c --l2a /data/l2a --work /data/work --tiles 2
    """
    from flows.archive.local_service import LocalService, ServiceOptions

    service = LocalService(ServiceOptions(l1c, l2a, work, host, port, tiles), lambda line: print(line, flush=True))
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    code = 1
    try:
        service.start()
        code = service.watch(stop)
    except L2AError as error:
        print(f"sen2flow up: {error}", file=sys.stderr, flush=True)
    finally:
        service.stop()
    raise typer.Exit(code)
