"""How much of the log goes to stderr: ``Log_Level`` of L2A_GIPP.xml, unless ``--debug`` asks for everything."""

from __future__ import annotations

import logging
import sys
from typing import Final

from prefect.logging.handlers import PrefectConsoleHandler

PROGRAM_LOGGER: Final = "sen2flow"


class ProgramLog(logging.StreamHandler):  # type: ignore[type-arg]
    """The program's log lines on stderr.

    Args:
        shows_all: ``--debug`` was given, which no configuration takes back.
    """

    def __init__(self, *, shows_all: bool) -> None:
        super().__init__(sys.stderr)
        self.shows_all = shows_all
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))


def follow_log_level(word: str) -> None:
    """Show only log lines of a level and above from now on; NOTSET shows all.

    Inside a Prefect run it holds for the lines on the console; what the API keeps stays Prefect's own setting
    (PREFECT_LOGGING_LEVEL), and so do levels below INFO.

    Args:
        word: name of a level of the standard library's logging.
    """
    logger = logging.getLogger(PROGRAM_LOGGER)
    if any(isinstance(handler, ProgramLog) and handler.shows_all for handler in logger.handlers):
        return
    level = logging.getLevelNamesMapping()[word]
    logger.setLevel(max(level, 1))  # a level of 0 would be that of the root logger
    for handler in logging.getLogger().handlers:
        if isinstance(handler, PrefectConsoleHandler):
            handler.setLevel(level if level > logging.INFO else logging.NOTSET)
