"""``sen2flow up`` as an operator uses it: started, asked for the password, one product, stopped with Ctrl-C."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import httpx
import pytest
from archive_runs import environment, run_sen2flow, start_sen2flow
from many_products import copies, smallest_product
from service import Service, free_port, server_of, wait_for

pytestmark = pytest.mark.slow


def listening(port: int) -> set[str]:
    """Return the addresses on which this machine listens at a port, as the kernel writes them."""
    found = set()
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and int(words[1].split(":")[1], 16) == port:
                found.add(words[1].split(":")[0])
    return found


def test_stopped_while_it_starts(tmp_path: Path) -> None:
    port = free_port()
    words = ("--l1c", tmp_path, "--l2a", tmp_path / "l2a", "--port", str(port))
    run = start_sen2flow("up", *words, env=environment(tmp_path), stderr=subprocess.DEVNULL)
    wait_for(lambda: server_of(run.pid), pause=0.1)
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=300)
    assert run.returncode == 130
    assert out.splitlines() == ["server stopped"]
    left = subprocess.run(["pgrep", "-f", f"127.0.0.1 --port {port}"], capture_output=True, check=False)
    assert left.returncode != 0, "a process was left behind"


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no util-linux")
def test_killed_without_a_chance_to_tidy(tmp_path: Path) -> None:
    service = Service(tmp_path, environment(tmp_path), extra_worker=False)
    service.start()
    assert service.up is not None
    children = subprocess.run(["pgrep", "-P", str(service.up.pid)], capture_output=True, text=True, check=True)
    parts = [Path("/proc") / word for word in children.stdout.split()]
    assert len(parts) == 3, "the server and a worker for each pool"
    service.up.kill()
    service.up.wait()
    wait_for(lambda: not any(part.is_dir() for part in parts), 120)
    server = ["pgrep", "-f", f"127.0.0.1.*{service.port}"]
    wait_for(lambda: subprocess.run(server, stdout=subprocess.DEVNULL, check=False).returncode, 120)
    assert not listening(service.port)


def test_up_with_authentication(tmp_path: Path) -> None:
    secret = "operator:correct horse"
    (product,) = copies(smallest_product(tmp_path / "smallest"), tmp_path / "l1c", 1)
    env = environment(tmp_path, PREFECT_SERVER_API_AUTH_STRING=secret)
    service = Service(tmp_path, env, extra_worker=False)
    service.start()
    try:
        assert listening(service.port) == {"0100007F"}, "127.0.0.1 and nothing else"
        assert httpx.get(f"{service.api}/flows/count").status_code in (401, 405)
        count = f"{service.api}/flows/count"
        assert httpx.post(count, json={}).status_code == 401
        assert httpx.post(count, json={}, auth=("operator", "correct horse")).status_code == 200
        assert httpx.get(service.address, follow_redirects=True).status_code == 200, "the UI's page asks by itself"
        words = ("--output-dir", service.l2a, "--execution", "deployment", "--memory-mb", "0", "--disk-mb", "0")
        client = service.env | {"PREFECT_API_AUTH_STRING": secret}
        done = run_sen2flow("archive", product, *words, env=client)
        assert "1 products: 1 degraded" in done.stdout, done.stdout + done.stderr
        taken = run_sen2flow("up", "--l1c", tmp_path, "--l2a", tmp_path / "x", "--port", str(service.port), env=env)
        assert taken.returncode == 1
        assert "choose another --port" in taken.stderr
    finally:
        code = service.stop()
    assert code == 0
    left = subprocess.run(["pgrep", "-f", f"127.0.0.1:{service.port}"], capture_output=True, check=False)
    assert left.returncode != 0, "a process was left behind"
    assert not listening(service.port)
    assert os.listdir(service.l2a)
