"""``sen2flow up``: the whole service on one machine, with one command."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from tasks.common.errors import InvalidConfiguration, L2AError


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
    """Start server, workers and deployments; Ctrl-C stops them all. A part that ends by itself is started again.

    For one machine and one person: the database is SQLite. Authentication: set PREFECT_SERVER_API_AUTH_STRING to
    user:password. Several machines or people: deployments/compose.yaml.

    Example:

        sen2flow up --l1c /data/l1c --l2a /data/l2a --work /data/work --tiles 2
    """
    from flows.archive.local_service import LocalService, ServiceOptions

    service = LocalService(ServiceOptions(l1c, l2a, work, host, port, tiles), _say)
    stop, started = threading.Event(), threading.Event()

    def end(_number: int, _frame: object) -> None:
        stop.set()
        if not started.is_set():
            raise KeyboardInterrupt  # the start takes a while, and nobody wants to wait for its end

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup keeps it from a hang-up
            signal.signal(number, end)
    code = 1
    try:
        service.start()
        started.set()
        service.watch(stop)
        code = 0
    except KeyboardInterrupt:
        started.set()  # a second Ctrl-C does not interrupt the stopping
        code = 130
    except L2AError as error:
        print(f"sen2flow up: {error}", file=sys.stderr, flush=True)
    finally:
        service.stop()
    raise typer.Exit(code)


def _say(line: str) -> None:
    with suppress(BrokenPipeError):  # nobody reads any more, and the service is to go on, or to end in order
        print(line, flush=True)


def deploy() -> None:
    """Make work pools, deployments and automations on the server of PREFECT_API_URL.

    Folders come from SEN2FLOW_L1C, SEN2FLOW_L2A and SEN2FLOW_WORK. It may be repeated.
    """
    from flows.archive.local_service import deploy as make
    from flows.archive.local_service import deployment_file

    try:
        for name in ("PREFECT_API_URL", "SEN2FLOW_L1C", "SEN2FLOW_L2A"):
            if not os.environ.get(name):
                raise InvalidConfiguration(f"{name} is not set")
        make(deployment_file(), os.environ)
    except L2AError as error:
        print(f"sen2flow deploy: {error}", file=sys.stderr, flush=True)
        raise typer.Exit(1) from error
