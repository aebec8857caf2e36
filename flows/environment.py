"""Settings of the process that must be in place before Prefect is imported."""

from __future__ import annotations

import os
from typing import Final

PREFECT_DEFAULTS: Final[dict[str, str]] = {
    # On a busy machine the embedded server needs longer than Prefect's 20 s to answer.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # A server that restarts, or whose database is away (it answers 500 then), must not cost a run: with pauses of
    # 2, 4, 8, ... s a request is given up after about two minutes.
    "PREFECT_CLIENT_MAX_RETRIES": "6",
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
}


def prepare_environment() -> None:
    """Set Prefect's limits and patience, and switch its telemetry off, unless the user has set them."""
    for name, value in PREFECT_DEFAULTS.items():
        os.environ.setdefault(name, value)
