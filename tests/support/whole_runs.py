"""Helpers of the tests that run the whole program."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_PROGRAM = "from flows.cli.l2a_process import main; main()"

FIXED_TIME = """
import datetime as real
import flows.process_product
class Fixed(real.datetime):
    @classmethod
    def now(cls, tz=None):
        return real.datetime(2026, 1, 1, 12, 0, 0, tzinfo=tz)
flows.process_product.datetime = Fixed
"""
"""Stops the clock that names the product, so that two runs can be compared byte by byte."""


def run_program(
    *arguments: str | Path, home: Path, before: str = "", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``L2A_Process`` in a process of its own with a Sen2Cor home of its own.

    Args:
        before: Python statements that run in that process first.
    """
    variables = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT")}
    variables |= {"SEN2COR_HOME": str(home), "PYTHONPATH": str(ROOT)} | (environment or {})
    return subprocess.run(
        [sys.executable, "-c", f"{before}\n{_PROGRAM}", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        env=variables,
        cwd=home.parent,
        check=False,
    )


def product_of(done: subprocess.CompletedProcess[str]) -> Path:
    """Return the path that a successful run printed just before its last line."""
    lines = done.stdout.splitlines()
    assert lines[-1] == "Progress[%]: 100.00 : Application terminated successfully.", done.stderr
    assert lines[-2].startswith("Product: ")
    return Path(lines[-2].removeprefix("Product: "))


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder by its relative path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
