"""Settings of the process that must be in place before Prefect is imported."""

from __future__ import annotations

import os
from typing import Final

PREFECT_DEFAULTS: Final[dict[str, str]] = {
    # On a busy machine the embedded server needs longer than Prefect's 20 s to answer.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}


def prepare_environment() -> None:
    """Set Prefect's start-up limits and switch its telemetry off, unless the user has set them."""
    for name, value in PREFECT_DEFAULTS.items():
        os.environ.setdefault(name, value)
