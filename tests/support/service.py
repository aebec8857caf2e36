"""A PostgreSQL server and ``sen2flow up`` on it, for tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from archive_runs import start_sen2flow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(true: Callable[[], Any], seconds: float = 900.0, pause: float = 0.5) -> Any:
    """Return the first true value of a function; the time is that of a machine with much else to do."""
    until = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(pause)
    return value


def server_of(parent: int) -> int | None:
    """Return the process number of the Prefect server that a process started; None when there is none."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            found = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            words = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if found == parent and b"server" in words:
            return int(path.name)
    return None


class Postgres:
    """A database server of its own in a temporary folder; Debian's package ``postgresql``."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self.port = free_port()
        self._user: list[str] = []
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self.folder, "postgres", "postgres")
            self._user = ["runuser", "-u", "postgres", "--"]
        self._run("initdb", "-D", self.data, "-U", "sen2flow", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "sen2flow", "sen2flow")

    @staticmethod
    def programs() -> Path | None:
        """Return the folder of the newest installed version's programs."""
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        return found[-1].parent if found else None

    @property
    def data(self) -> str:
        return str(self.folder / "data")

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://sen2flow@127.0.0.1:{self.port}/sen2flow"

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run("pg_ctl", "-D", self.data, "-o", options, "-l", str(self.folder / "log"), "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def size(self) -> int:
        """Return the database's size in bytes."""
        words = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "sen2flow", "-d", "sen2flow", "-At")
        return int(self._run("psql", *words, "-c", "select pg_database_size('sen2flow')"))

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *words: str) -> str:
        folder = self.programs()
        assert folder is not None
        done = subprocess.run(
            [*self._user, str(folder / program), *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


class Service:
    """``sen2flow up`` with one worker for products, and a second one beside it."""

    def __init__(self, folder: Path, env: dict[str, str], extra_worker: bool = True, at_a_time: int = 1) -> None:
        self.folder = folder
        self.at_a_time = at_a_time
        self.port = free_port()
        self.l1c, self.l2a, self.work = folder / "l1c", folder / "l2a", folder / "work"
        self.l1c.mkdir(parents=True, exist_ok=True)
        self.kills = folder / "kills"
        self.kills.mkdir(exist_ok=True)
        self.env = env | {"PREFECT_API_URL": self.api, "TEST_KILLS": str(self.kills)}
        self.log = (folder / "service.log").open("ab")
        self.up: subprocess.Popen[str] | None = None
        self.second: subprocess.Popen[bytes] | None = None
        self._extra_worker = extra_worker

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        return f"{self.address}/api"

    def start(self) -> None:
        words = ("--l1c", self.l1c, "--l2a", self.l2a, "--work", self.work, "--port", str(self.port))
        words += ("--tiles", str(self.at_a_time))
        self.up = start_sen2flow("up", *words, env=self.env, stderr=self.log)
        assert self.up.stdout is not None
        for line in self.up.stdout:
            if line.startswith("ready"):
                break
        assert self.up.poll() is None, (self.folder / "service.log").read_text()[-3000:]
        if self._extra_worker:
            self.start_second_worker()

    def start_second_worker(self) -> None:
        limit = ("--limit", str(self.at_a_time))
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "sen2flow-tiles", *limit]
        self.second = subprocess.Popen(command, env=self.env, stdout=self.log, stderr=self.log, start_new_session=True)

    def pause_schedules(self) -> None:
        """Switch the deployments' schedules off, so that a test does not depend on the time of day."""
        for deployment in self.post("/deployments/filter"):
            for schedule in deployment["schedules"]:
                path = f"{self.api}/deployments/{deployment['id']}/schedules/{schedule['id']}"
                httpx.patch(path, json={"active": False}, timeout=60).raise_for_status()

    def start_runs_directly(self) -> None:
        """Spare the process that Prefect puts between a worker and a run: a command stands in the pool of products."""
        from prefect.workers.process import ProcessWorker

        template = ProcessWorker.get_default_base_job_template()
        template["variables"]["properties"]["command"]["default"] = f"{sys.executable} -m prefect.engine"
        body = {"base_job_template": template}
        httpx.patch(f"{self.api}/work_pools/sen2flow-tiles", json=body, timeout=60).raise_for_status()

    def kill_second_worker(self) -> None:
        """SIGKILL for the worker and the runs that it started: as when the machine goes down."""
        assert self.second is not None
        os.killpg(self.second.pid, signal.SIGKILL)
        self.second.wait()

    def kill_server(self) -> None:
        """SIGKILL for the server that ``sen2flow up`` started."""
        assert self.up is not None
        server = server_of(self.up.pid)
        assert server is not None, "no server to be killed"
        os.killpg(server, signal.SIGKILL)

    def stop(self) -> int:
        if self.second is not None and self.second.poll() is None:
            os.killpg(self.second.pid, signal.SIGINT)
            try:
                self.second.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.second.pid, signal.SIGKILL)
                self.second.wait()
        if self.up is None:
            return 0
        if self.up.poll() is None:
            self.up.send_signal(signal.SIGINT)
        self.up.communicate(timeout=300)
        return int(self.up.returncode)

    def get(self, path: str) -> Any:
        response = httpx.get(f"{self.api}{path}", timeout=60)
        response.raise_for_status()
        return response.json()

    def post(self, path: str, **body: Any) -> Any:
        response = httpx.post(f"{self.api}{path}", json=body, timeout=60)
        response.raise_for_status()
        return response.json() if response.content else None

    def deployment(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/deployments/name/{name}")
        return found

    def run(self, name: str, request: dict[str, Any] | None = None) -> str:
        """Create a run of a deployment, with the parameters of its form changed, and return its id."""
        deployment = self.deployment(name)
        parameters = deployment["parameters"]
        if request is not None:
            parameters = {"request": {**parameters.get("request", {}), **request}}
        made = self.post(f"/deployments/{deployment['id']}/create_flow_run", parameters=parameters)
        return str(made["id"])

    def state(self, run: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self.get(f"/flow_runs/{run}")
        except httpx.HTTPError:  # server or database are away, on purpose
            return {"state_type": "UNKNOWN", "state_name": "Unknown"}
        return found

    def wait(self, run: str, seconds: float = 1200.0, pause: float = 1.0) -> dict[str, Any]:
        """Return a run when it has ended."""
        final = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
        found: dict[str, Any] = wait_for(
            lambda: (state := self.state(run))["state_type"] in final and state, seconds, pause
        )
        return found

    def runs_of(self, flow: str) -> list[dict[str, Any]]:
        """Return all runs of a flow; the API gives at most 200 at a time."""
        found: list[dict[str, Any]] = []
        while True:
            wanted = {"flows": {"name": {"any_": [flow]}}, "sort": "EXPECTED_START_TIME_ASC"}
            page = self.post("/flow_runs/filter", **wanted, limit=200, offset=len(found))
            found += page
            if len(page) < 200:
                return found

    def table(self, run: str) -> list[dict[str, Any]]:
        """Return the rows of a run's table artifact."""
        import json

        found = self.post("/artifacts/filter", artifacts={"flow_run_id": {"any_": [run]}, "type": {"any_": ["table"]}})
        rows: list[dict[str, Any]] = json.loads(found[0]["data"])
        return rows
