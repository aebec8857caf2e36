"""Downloads elevation-model cells: bounded in time and size, checked, and never visible before they are complete."""

from __future__ import annotations

import os
import random
import tarfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import rasterio
import requests
import urllib3
from rasterio.errors import RasterioError

from tasks.common.errors import AuxiliaryUnavailable, TransientIO
from tasks.common.xml import shown
from tasks.dem.cells import Box, cells_covering
from tasks.dem.parameters import DemKind, DemParameters, DemSurvey
from tasks.dem.sources import SEA_SUFFIX, dem_folder, find_cell, known_sea, preferred_kinds, survey_cells

MAX_BYTES: Final = 1 << 30
"""Largest cell accepted; real ones have 5 to 150 MB."""

_CHUNK: Final = 1 << 18
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP states after which the same request may succeed."""

_ABSENT: Final = frozenset({404, 410})


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


class _TryAgainError(Exception):
    """An attempt failed in a way that may pass."""


def fetch_cells(box: Box, parameters: DemParameters, limits: Limits | None = None) -> DemSurvey:
    """Download the cells of a tile that are not in the configured folder, and return what is there then.

    Without an address (``dem_reference`` is a label or absent), or with every cell in place, nothing is requested. A
    cell that the address does not have is taken for sea once another cell of the tile exists; that is remembered by
    an empty marker file.

    Args:
        box: the tile.
        parameters: folder and address.
        limits: time-outs and attempts.

    Returns:
        The cells; ``problem`` says what went wrong with the download, if anything did.

    Raises:
        AuxiliaryUnavailable: the folder or an archive in it cannot be read.
        TransientIO: the folder cannot be written.
    """
    survey = survey_cells(box, parameters)
    folder, address = dem_folder(parameters), parameters.download_address
    if folder is None or address is None or (survey.kind is not None and not survey.missing):
        return survey
    kind = preferred_kinds(parameters.dem_reference)[0]
    cells = cells_covering(box, kind)
    wanted = [cell for cell in cells if find_cell(folder, kind, cell) is None]
    at_sea = known_sea(folder, kind, wanted)
    wanted = [cell for cell in wanted if cell not in at_sea]
    absent: list[str] = []
    problem = ""
    for cell in wanted:
        try:
            if not download_cell(folder, address, kind, cell, limits or Limits()):
                absent.append(cell)
        except AuxiliaryUnavailable as error:
            problem = str(error)
            break
        except OSError as error:
            raise TransientIO(f"{shown(folder)}: DEM cell cannot be stored ({error.strerror})") from error
    if absent and any(find_cell(folder, kind, cell) is not None for cell in cells):
        for cell in absent:
            (folder / f"{kind}_{cell}{SEA_SUFFIX}").touch()
    elif absent and not problem:
        problem = f"{shown(address)}: has none of the cells {', '.join(absent)}"
    return survey_cells(box, parameters).model_copy(update={"problem": problem})


def cell_address(address: str, kind: DemKind, cell: str) -> tuple[str, str]:
    """Return the URL of a cell and the file name it gets in the folder.

    An address that holds ``DGED`` or ``prism`` serves ``Copernicus_DSM_10_N47_00_E011_00.tar``; one that holds
    ``srtm`` serves ``srtm_39_03.zip``; every other one is taken for the layout of the AWS open data
    (``<name>/<name>.tif``). For 90 m Copernicus cells the number is 30.
    """
    base = address.rstrip("/")
    if kind == "SRTM_90":
        return f"{base}/{cell}.zip", f"{cell}.zip"
    seconds = "30" if kind == "COPERNICUS_90" else "10"
    if "dged" in base.lower() or "prism" in base.lower():
        return f"{base}/Copernicus_DSM_{seconds}_{cell}.tar", f"Copernicus_DSM_{seconds}_{cell}.tar"
    name = f"Copernicus_DSM_COG_{seconds}_{cell}_DEM"
    return f"{base}/{name}/{name}.tif", f"{name}.tif"


def download_cell(folder: Path, address: str, kind: DemKind, cell: str, limits: Limits) -> bool:
    """Download one cell into the folder.

    Returns:
        True when the file is there, False when the server does not have it.

    Raises:
        AuxiliaryUnavailable: the download failed for good, or the content is no elevation cell.
        OSError: the folder cannot be written.
    """
    url, name = cell_address(address, kind, cell)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{name}.{os.getpid()}.{time.monotonic_ns():x}.part"
    reason = ""
    try:
        for attempt in range(limits.attempts):
            if attempt:
                time.sleep(limits.first_pause_s * 2.0 ** (attempt - 1) * random.uniform(1.0, 1.5))
            try:
                if not _request(url, part, limits):
                    return False
                _check(part, name)
                os.replace(part, folder / name)
                return True
            except _TryAgainError as error:
                reason = str(error)
    finally:
        part.unlink(missing_ok=True)
    raise AuxiliaryUnavailable(f"{shown(url)}: download failed after {limits.attempts} attempts ({shown(reason)})")


def _request(url: str, part: Path, limits: Limits) -> bool:
    """Stream one answer into a file; False when the server does not have it."""
    deadline = time.monotonic() + limits.total_s
    try:
        with requests.get(
            url, stream=True, timeout=(limits.connect_s, limits.read_s), headers={"Accept-Encoding": "identity"}
        ) as answer:
            if answer.status_code in _ABSENT:
                return False
            if answer.status_code in _AGAIN:
                raise _TryAgainError(f"HTTP state {answer.status_code}")
            if answer.status_code != requests.codes.ok:
                raise AuxiliaryUnavailable(f"{shown(url)}: HTTP state {answer.status_code}")
            expected = answer.headers.get("Content-Length", "")
            with part.open("wb") as stream:
                written = _copy(answer, stream, deadline, url)
            if expected.isdigit() and written != int(expected):
                raise _TryAgainError(f"{written} bytes of {expected}")
    except (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError) as error:
        raise _TryAgainError(type(error).__name__ + ": " + shown(str(error))) from error
    except requests.RequestException as error:
        raise AuxiliaryUnavailable(f"{shown(url)}: cannot be requested ({shown(str(error))})") from error
    return True


def _copy(answer: requests.Response, stream: BinaryIO, deadline: float, url: str) -> int:
    """Write the body as it arrives, so that the deadline holds for a server that trickles; return its size."""
    written = 0
    while chunk := answer.raw.read1(_CHUNK, decode_content=False):
        written += stream.write(chunk)
        if written > MAX_BYTES:
            raise AuxiliaryUnavailable(f"{shown(url)}: more than {MAX_BYTES} bytes, no DEM cell")
        if time.monotonic() > deadline:
            raise _TryAgainError("the server is too slow")
    return written


def _check(part: Path, name: str) -> None:
    """Refuse content that is not what the file name says.

    Raises:
        AuxiliaryUnavailable: it is something else, such as a page that asks for a password.
    """
    if name.endswith(".zip"):
        sound = zipfile.is_zipfile(part)
    elif name.endswith(".tar"):
        sound = tarfile.is_tarfile(part)
    else:
        try:
            with rasterio.open(part, driver="GTiff") as dataset:
                sound = dataset.count == 1
        except RasterioError:
            sound = False
    if not sound:
        raise AuxiliaryUnavailable(f"{name}: what was downloaded is no DEM cell of that format")
