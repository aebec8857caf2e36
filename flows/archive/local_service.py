"""The single-machine service: server, work pools, deployments, automations and workers as one command."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

import flows
from tasks.common.errors import InvalidConfiguration, TransientIO

POOLS: Final = ("sen2flow-tiles", "sen2flow-control")
"""Products run in the first pool, the flows that start products in the second: the two never wait for each other."""

AUTH_VARIABLE: Final = "PREFECT_SERVER_API_AUTH_STRING"
_CLIENT_AUTH: Final = "PREFECT_API_AUTH_STRING"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_START_S: Final = 180.0
_GRACE_S: Final = 20.0
_FIRST_PAUSE_S: Final = float(os.environ.get("SEN2FLOW_RESTART_SECONDS", "2"))
_LONGEST_PAUSE_S: Final = 60.0
_STEADY_S: Final = 300.0
"""A part that has lived for so long is steady: its next end is the first one again."""


@dataclass(frozen=True)
class ServiceOptions:
    """What ``sen2flow up`` was asked for."""

    l1c: Path
    l2a: Path
    work: Path | None = None
    host: str = "127.0.0.1"
    port: int = 4200
    tiles: int = 1
    """Products at a time."""

    @property
    def api(self) -> str:
        """The server's API as this machine reaches it."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{host}:{self.port}/api"


@dataclass
class _Part:
    """One process of the service."""

    name: str
    words: list[str]
    process: subprocess.Popen[bytes]
    started: float
    pause_s: float
    due: float | None = None
    """When it is to be started again; None while it runs."""


@dataclass
class LocalService:
    """Starts the parts, starts again what ends, and ends them in the reverse order."""

    options: ServiceOptions
    say: Callable[[str], None]
    _parts: list[_Part] = field(default_factory=list)

    def start(self) -> None:
        """Start everything.

        Raises:
            InvalidConfiguration: the port is taken, or the deployments' file is not installed.
            TransientIO: a part does not come up.
        """
        require_free_port(self.options.host, self.options.port)
        file = deployment_file()
        self.options.l2a.mkdir(parents=True, exist_ok=True)
        if self.options.host not in _LOOPBACK and not os.environ.get(AUTH_VARIABLE):
            self.say(
                f"warning: {self.options.host} is reachable by others and {AUTH_VARIABLE} (user:password) is not set"
            )
        place = ["--host", self.options.host, "--port", str(self.options.port)]
        self._spawn("server", ["server", "start", *place])
        self._wait_for_server()
        deploy(file, self.environment())
        for pool, limit in zip(POOLS, (self.options.tiles, 4), strict=True):
            self._spawn(
                f"worker of {pool}",
                ["worker", "start", "--pool", pool, "--type", "process", "--limit", str(limit)],
            )
        self.say(f"ready: {self.options.api.removesuffix('/api')} (Ctrl-C stops everything)")

    def watch(self, stop: threading.Event) -> None:
        """Wait for ``stop``. A part that ends meanwhile is started again, after pauses that grow to a minute."""
        while not stop.wait(0.5):
            for part in self._parts:
                self._mind(part)

    def _mind(self, part: _Part) -> None:
        code = part.process.poll()
        now = time.monotonic()
        if code is None:
            return
        if part.due is None:
            if now - part.started > _STEADY_S:
                part.pause_s = _FIRST_PAUSE_S
            part.due = now + part.pause_s
            self.say(f"{part.name} ended with exit code {code}: started again in {part.pause_s:g} s")
            part.pause_s = min(2 * part.pause_s, _LONGEST_PAUSE_S)
        elif now >= part.due:
            _end(part.process)  # what it had started
            part.process, part.started, part.due = self._process(part.words), now, None

    def stop(self) -> None:
        """End workers, then the server; nothing is left behind."""
        for part in reversed(self._parts):
            _end(part.process)
            self.say(f"{part.name} stopped")
        self._parts.clear()

    def environment(self) -> Mapping[str, str]:
        """Return the environment of the parts."""
        variables = dict(os.environ) | {
            "PREFECT_API_URL": self.options.api,
            "PREFECT_UI_API_URL": self.options.api,
            "SEN2FLOW_L1C": str(self.options.l1c.absolute()),
            "SEN2FLOW_L2A": str(self.options.l2a.absolute()),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        variables.setdefault("PREFECT_WORKER_QUERY_SECONDS", "5")
        if self.options.work is not None:
            variables["SEN2FLOW_WORK"] = str(self.options.work.absolute())
        if AUTH_VARIABLE in variables:
            variables.setdefault(_CLIENT_AUTH, variables[AUTH_VARIABLE])
        return variables

    def _spawn(self, name: str, words: list[str]) -> None:
        self._parts.append(_Part(name, words, self._process(words), time.monotonic(), _FIRST_PAUSE_S))

    def _process(self, words: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*_tied_to_this_process(), sys.executable, "-m", "prefect", *words],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            start_new_session=True,  # Ctrl-C reaches this process only, which ends the parts in order
        )

    def _wait_for_server(self) -> None:
        until = time.monotonic() + _START_S
        headers = {}
        secret = self.environment().get(_CLIENT_AUTH)
        if secret:
            headers["Authorization"] = f"Basic {base64.b64encode(secret.encode()).decode()}"
        while time.monotonic() < until:
            if (code := self._parts[0].process.poll()) is not None:
                raise TransientIO(f"the server ended with exit code {code}")
            try:
                if httpx.get(f"{self.options.api}/health", headers=headers, timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.5)
        raise TransientIO(f"the server did not answer within {_START_S:g} s")


_POOL: Final = """
import sys
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound
with get_client(sync_client=True) as client:
    try:
        client.read_work_pool(sys.argv[1])
    except ObjectNotFound:
        client.create_work_pool(WorkPoolCreate(name=sys.argv[1], type="process"))
"""
"""Makes a work pool of processes unless there is one of that name, of whatever type an operator chose."""


def deploy(file: Path, environment: Mapping[str, str]) -> None:
    """Make work pools, deployments and automations on the server of ``PREFECT_API_URL``.

    The folders come from the environment: ``SEN2FLOW_L1C``, ``SEN2FLOW_L2A`` and ``SEN2FLOW_WORK``.

    Raises:
        TransientIO: the server refuses, or is not there.
    """
    steps = [["-c", _POOL, pool] for pool in POOLS]
    steps.append(["-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)])
    code = "import sys; from flows.archive.automation_rules import apply_automations; apply_automations(*sys.argv[1:])"
    folders = [environment["SEN2FLOW_L2A"], environment.get("SEN2FLOW_WORK", "")]
    steps.append(["-c", code, *(folder for folder in folders if folder)])
    for words in steps:
        done = subprocess.run(
            [sys.executable, *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            said = " ".join((done.stderr or done.stdout).split())[-600:]
            raise TransientIO(f"{' '.join(words[1:4])}: {said}")


def _tied_to_this_process() -> list[str]:
    """Return what makes a command end with this process, even when that is killed; nothing without util-linux."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "INT", "--"] if program else []


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and whatever it started: politely, then not."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        try:
            os.killpg(process.pid, number)
            process.wait(_GRACE_S)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
    process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # runs of a worker that was killed


def require_free_port(host: str, port: int) -> None:
    """Check that a port can be bound.

    Raises:
        InvalidConfiguration: it is taken, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InvalidConfiguration(
                f"{host}:{port} cannot be used ({error.strerror}): choose another --port"
            ) from error


def deployment_file() -> Path:
    """Return the path of ``prefect.yaml``: beside the packages in a checkout, below the prefix when installed.

    Raises:
        InvalidConfiguration: the installation is incomplete.
    """
    checkout = Path(flows.__path__[0]).resolve().parent / "deployments" / "prefect.yaml"
    installed = Path(sys.prefix) / "share" / "sen2flow" / "deployments" / "prefect.yaml"
    for path in (checkout, installed):
        if path.is_file():
            return path
    raise InvalidConfiguration(f"neither {checkout} nor {installed} is there: install sen2flow again")
