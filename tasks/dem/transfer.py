"""Brings one file from a web server: bounded in time and size, resumed, and never visible before it is complete.

A file grows as ``.<name>.<host>.part`` beside its final place, with a note of the server's validator (entity tag or
date); it is renamed when its length and content are right. What a killed process left is continued by the next one on
that machine, provided the server confirms with that validator that the content is still the same. Machines that share
the folder over NFS wait for each other where the mount passes locks on; where it does not, each writes a file of its
own name, and the last rename wins.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import requests
import urllib3

from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.locks import locked
from tasks.common.xml import shown

MAX_BYTES: Final = 1 << 30
"""Largest cell accepted; real ones have 5 to 150 MB."""

_CHUNK: Final = 1 << 18
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP states after which the same request may succeed."""

_HOST: Final = os.uname().nodename
_STALE_S: Final = 86_400.0
"""Partial files of this age belong to no living process."""

_ABSENT: Final = frozenset({404, 410})
_MAX_REDIRECTS: Final = 5
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass(frozen=True)
class Limits:
    """How long a download may take and how often it is tried."""

    connect_s: float = 10.0
    read_s: float = 30.0
    """Longest silence of the server."""
    total_s: float = 900.0
    """Longest duration of one attempt, however steadily the server trickles."""
    attempts: int = 4
    first_pause_s: float = 1.0
    """Pause before the second attempt; it doubles each time and is lengthened at random by up to a half."""
    max_bytes: int = MAX_BYTES

    @property
    def wait_s(self) -> float:
        """Longest time for which another process may be downloading the same file."""
        pauses = self.first_pause_s * 1.5 * 2.0**self.attempts
        return self.attempts * (self.connect_s + self.read_s + self.total_s) + pauses


class _TryAgainError(Exception):
    """An attempt failed in a way that may pass."""


def bring_file(url: str, target: Path, check: Callable[[Path], None], limits: Limits) -> bool:
    """Download a file unless it is there, once among all processes that want it.

    Args:
        url: where it is.
        target: where it shall be; the folder exists.
        check: raises ``AuxiliaryUnavailable`` when a complete file's content is not what it should be.
        limits: time-outs and attempts.

    Returns:
        True when the file is there, False when the server does not have it.

    Raises:
        AuxiliaryUnavailable: the download failed for good.
        OSError: the folder cannot be written.
    """
    try:
        with locked(target.with_name(f".{target.name}.lock"), limits.wait_s) as alone:
            if target.is_file():
                return True
            stem = f"{target.name}.{_HOST}" if alone else f"{target.name}.{_HOST}.{os.getpid()}.{time.monotonic_ns():x}"
            there = _bring(url, target, target.with_name(f".{stem}.part"), check, limits)
            _tidy(target)
            return there
    except TimeoutError as error:
        raise AuxiliaryUnavailable(f"{shown(url)}: another process has been downloading it too long") from error


def answers(url: str, limits: Limits) -> bool:
    """Tell whether a server has a file, by asking for its first byte."""
    try:
        with requests.get(
            url, stream=True, timeout=(limits.connect_s, limits.read_s), headers={"Range": "bytes=0-0"}
        ) as answer:
            return answer.status_code in (200, 206)
    except requests.RequestException:
        return False


def _bring(url: str, target: Path, part: Path, check: Callable[[Path], None], limits: Limits) -> bool:
    """Try several times to complete ``part`` and give it its name."""
    reason = ""
    for attempt in range(limits.attempts):
        if attempt:
            time.sleep(limits.first_pause_s * 2.0 ** (attempt - 1) * random.uniform(1.0, 1.5))
        try:
            if not _request(url, part, limits):
                _discard(part)
                return False
            _finish(part, target, check)
            return True
        except _TryAgainError as error:
            reason = str(error)
        except (AuxiliaryUnavailable, OSError):
            # Also on a full disk, which a partial file would keep full.
            _discard(part)
            raise
    if not _note_of(part).is_file():
        _discard(part)
    raise AuxiliaryUnavailable(f"{shown(url)}: download failed after {limits.attempts} attempts ({shown(reason)})")


def _finish(part: Path, target: Path, check: Callable[[Path], None]) -> None:
    check(part)
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    os.replace(part, target)
    _note_of(part).unlink(missing_ok=True)


def _tidy(target: Path) -> None:
    """Remove what processes of other machines, or of this one without locks, left of the same file long ago."""
    for part in target.parent.glob(f".{target.name}.*.part"):
        try:
            if time.time() - part.stat().st_mtime > _STALE_S:
                _discard(part)
        except FileNotFoundError:
            continue


def _note_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.note")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note_of(part).unlink(missing_ok=True)


def _resumable(url: str, part: Path) -> tuple[int, str]:
    """Return how many bytes of a file are there and the validator they belong to; nothing when it is not known."""
    try:
        note = json.loads(_note_of(part).read_text(encoding="utf-8"))
        if note["url"] == url and isinstance(note["validator"], str):
            return part.stat().st_size, note["validator"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return 0, ""


def _request(url: str, part: Path, limits: Limits) -> bool:
    """Stream one answer into the partial file; False when the server does not have it."""
    deadline = time.monotonic() + limits.total_s
    have, validator = _resumable(url, part)
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    try:
        with requests.Session() as session:
            session.max_redirects = _MAX_REDIRECTS
            with session.get(url, stream=True, timeout=(limits.connect_s, limits.read_s), headers=headers) as answer:
                return _take(answer, url, part, have, deadline, limits)
    except (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError) as error:
        raise _TryAgainError(type(error).__name__ + ": " + shown(str(error))) from error
    except requests.RequestException as error:
        raise AuxiliaryUnavailable(f"{shown(url)}: cannot be requested ({shown(str(error))})") from error


def _take(answer: requests.Response, url: str, part: Path, have: int, deadline: float, limits: Limits) -> bool:
    """Judge an answer's state and write its body."""
    state = answer.status_code
    if state in _ABSENT:
        return False
    if state in _AGAIN:
        raise _TryAgainError(f"HTTP state {state}")
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", "")) if state == 206 else None
    if state == 416 or (state == 206 and (found is None or int(found[1]) != have)):
        _discard(part)
        raise _TryAgainError("the server does not continue the file")
    if state not in (200, 206):
        raise AuxiliaryUnavailable(f"{shown(url)}: HTTP state {state}")
    if found is None:
        have = 0
        _note(answer, url, part)
        announced = answer.headers.get("Content-Length", "")
        expected = int(announced) if announced.isdigit() else None
    else:
        expected = int(found[3])
    if expected is not None and expected > limits.max_bytes:
        raise AuxiliaryUnavailable(f"{shown(url)}: {expected} bytes, no DEM cell")
    with part.open("ab" if have else "wb") as stream:
        size = _copy(answer, stream, have, deadline, url, limits.max_bytes)
    if expected is not None and size != expected:
        if size > expected:
            _discard(part)
        raise _TryAgainError(f"{size} bytes of {expected}")
    return True


def _note(answer: requests.Response, url: str, part: Path) -> None:
    """Remember what identifies the content; without a strong validator the file will not be resumed."""
    _discard(part)
    tag = answer.headers.get("ETag", "")
    validator = tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")
    if validator and answer.headers.get("Accept-Ranges", "").lower() != "none":
        _note_of(part).write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")


def _copy(answer: requests.Response, stream: BinaryIO, size: int, deadline: float, url: str, max_bytes: int) -> int:
    """Write the body as it arrives, so that the deadline holds for a server that trickles; return the file's size."""
    while chunk := answer.raw.read1(_CHUNK, decode_content=False):
        size += stream.write(chunk)
        if size > max_bytes:
            raise AuxiliaryUnavailable(f"{shown(url)}: more than {max_bytes} bytes, no DEM cell")
        if time.monotonic() > deadline:
            raise _TryAgainError("the server is too slow")
    return size
