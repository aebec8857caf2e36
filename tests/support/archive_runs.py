"""Runs ``sen2flow`` in processes of its own, with a stopped clock and, where asked for, kills at chosen places."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]

_PROGRAM = "from flows.cli.sen2flow import main; main()"

HOOKS = """
import os, pathlib, signal, sys
if "flows.archive.child" in " ".join(sys.orig_argv) or os.environ.get("PREFECT__FLOW_RUN_ID"):
    import datetime as real
    import flows.process_product
    import flows.runners
    from tasks.common import artefacts

    class Fixed(real.datetime):
        @classmethod
        def now(cls, tz=None):
            return real.datetime(2026, 1, 1, 12, 0, 0, tzinfo=tz)

    flows.process_product.datetime = Fixed
    flows.runners.RETRY_DELAYS_S = (0, 0, 0)
    finish = artefacts.StageWriter.finish

    def watched(self, version, key, final):
        kills = os.environ.get("TEST_KILLS")
        tile = final.parent.parent.name.split("_")[1][:8]
        marker = pathlib.Path(kills) / f"{self.stage}_{tile}" if kills else None
        if marker is not None and marker.exists():
            marker.unlink()
            os.killpg(0, signal.SIGKILL)
        slow = os.environ.get("TEST_SLOW_STAGE")
        if slow == self.stage:
            import time
            time.sleep(float(os.environ["TEST_SLOW_SECONDS"]))
        return finish(self, version, key, final)

    artefacts.StageWriter.finish = watched
"""
"""Run first in every Python process of a test: stops the clock that names products, and
does not wait before a stage is tried again; a file ``<stage>_<day>`` in the
folder TEST_KILLS kills the process once, when that product's stage has its arrays and not yet its result; and with it
the worker that had started it, if one had."""


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of a run with a home and hooks below ``folder``."""
    hooks = folder / "hooks"
    hooks.mkdir(parents=True, exist_ok=True)
    (hooks / "sitecustomize.py").write_text(HOOKS, encoding="utf-8")
    variables = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT")}
    variables |= {
        "SEN2COR_HOME": str(folder / "home"),
        "PYTHONPATH": f"{hooks}{os.pathsep}{ROOT}",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_HOME": str(folder / "prefect"),
    }
    return variables | more


def start_sen2flow(
    *words: str | Path, env: dict[str, str], stderr: int | IO[bytes] = subprocess.PIPE
) -> subprocess.Popen[str]:
    """Start ``sen2flow`` and return its process."""
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *map(str, words)],
        env=env,
        cwd=Path(env["SEN2COR_HOME"]).parent,
        text=True,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )


def run_sen2flow(*words: str | Path, env: dict[str, str], seconds: float = 600.0) -> subprocess.CompletedProcess[str]:
    """Run ``sen2flow`` to its end."""
    process = start_sen2flow(*words, env=env)
    out, err = process.communicate(timeout=seconds)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def endings(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return how each product ended, by its sensing day."""
    rows = [line.split() for line in done.stdout.splitlines() if "_MSIL1C_" in line]
    return {row[1].split("_")[2][:8]: row[0] for row in rows}
