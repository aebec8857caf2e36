"""Runs the independent readers that products must satisfy; a test is skipped where they are not beside the project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def run_client(
    client: str, product: Path, shared_data: Path, interpreter: str = sys.executable
) -> subprocess.CompletedProcess[str]:
    """Run one of them on a product."""
    script = shared_data.parent / "clients" / f"{client}.py"
    if not script.is_file():
        pytest.skip("no client scripts beside the project")
    schemas = [str(shared_data / "psd-xsd" / "psd-14.8")] if client == "xsd_validate" else []
    command = [interpreter, str(script), str(product), *schemas]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def accepted(product: Path, shared_data: Path, *clients: str) -> dict[str, str]:
    """Assert that each accepts a product; return what they said."""
    said = {}
    for client in clients:
        done = run_client(client, product, shared_data)
        assert done.returncode == 0, done.stdout + done.stderr
        said[client] = done.stdout
    return said
