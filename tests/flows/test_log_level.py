"""``Log_Level``: which lines reach stderr; ``--debug`` is stronger."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from prefect.logging.handlers import PrefectConsoleHandler

from flows.cli.execute import configure_logging
from flows.log_level import follow_log_level
from tasks.common.gipp.catalogue_l2a import LOG_LEVELS

WORDS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    logger = logging.getLogger("sen2flow")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield
    follow_log_level("INFO")
    logger.handlers[:], level, logger.propagate = before
    logger.setLevel(level)


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    for word in WORDS:
        logging.getLogger("sen2flow").log(getattr(logging, word), "a line")
    return [line.split()[1] for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("word", LOG_LEVELS)
def test_lines_below_the_level_are_not_shown(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(debug=False)
    follow_log_level(word)
    assert shown(capsys) == list(WORDS[WORDS.index(word) if word in WORDS else 0 :])


def test_debug_option_wins(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(debug=True)
    follow_log_level("CRITICAL")
    assert shown(capsys) == list(WORDS)


def test_console_of_a_prefect_run_follows() -> None:
    console = PrefectConsoleHandler()
    root = logging.getLogger()
    root.addHandler(console)
    try:
        follow_log_level("ERROR")
        assert console.level == logging.ERROR
        follow_log_level("INFO")
        assert console.level == logging.NOTSET
    finally:
        root.removeHandler(console)
