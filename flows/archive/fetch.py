"""Brings a product that lies at an address into the work folder."""

from __future__ import annotations

import os
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import requests
from prefect.concurrency.sync import concurrency

from flows.archive.request import Candidate
from tasks.common.errors import InvalidInput, TransientIO

DOWNLOAD_FOLDER: Final = "downloads"
DOWNLOAD_LIMIT: Final = "l1c-download"
"""Prefect's global concurrency limit of downloads."""

TOKEN_VARIABLE: Final = "SEN2FLOW_DOWNLOAD_TOKEN"
"""Environment variable whose value is sent as bearer token."""

_TIMEOUT_S: Final = (10, 120)
_CHUNK: Final = 4 << 20
_FINAL_STATUS: Final = (401, 403, 404, 410)


def local_input(candidate: Candidate, work_dir: Path) -> Path:
    """Return the product's path on this machine, fetched first when it lies at an http address.

    A complete download is kept and used again.

    Raises:
        InvalidInput: the address holds no archive, or refuses it.
        TransientIO: the download was cut off.
    """
    location = candidate.location
    if not location.startswith(("http://", "https://")):
        if "://" in location:
            raise InvalidInput(f"{location}: only paths, file: and http(s): addresses can be read")
        return Path(location)
    final = work_dir.absolute() / DOWNLOAD_FOLDER / f"{candidate.key}.zip"
    if final.is_file():
        return final
    part = final.with_name(f".{uuid.uuid4().hex}.part")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with _slot():
            _download(location, part)
        if not zipfile.is_zipfile(part):
            raise InvalidInput(f"{location}: no zip archive")
        os.replace(part, final)
    except requests.RequestException as error:
        raise TransientIO(f"{location}: download failed ({error})") from error
    except OSError as error:
        raise TransientIO(f"{final}: cannot be written ({error.strerror or error})") from error
    finally:
        part.unlink(missing_ok=True)
    return final


@contextmanager
def _slot() -> Iterator[None]:
    """Wait for one of the downloads that all machines of a Prefect server may make at a time."""
    if not os.environ.get("PREFECT_API_URL"):
        yield
        return
    with concurrency(DOWNLOAD_LIMIT, occupy=1):
        yield


def _download(address: str, target: Path) -> None:
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with requests.get(address, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
        if response.status_code in _FINAL_STATUS:
            raise InvalidInput(f"{address}: refused with status {response.status_code}")
        response.raise_for_status()
        expected = response.headers.get("Content-Length")
        with target.open("wb") as stream:
            for chunk in response.iter_content(_CHUNK):
                stream.write(chunk)
    if expected is not None and target.stat().st_size != int(expected):
        raise TransientIO(f"{address}: {target.stat().st_size} of {expected} bytes came")
