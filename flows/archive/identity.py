"""What makes two runs of a product the same: its content, the effective configuration, the auxiliary editions."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

from flows.cli.home import Home, prepare_home, resolve_gipp
from flows.configuration import tile_configuration
from flows.request import ProcessingOptions, ProductRequest
from tasks.common.artefacts import file_digest
from tasks.common.errors import AuxiliaryUnavailable, TransientIO
from tasks.common.records import TileRef
from tasks.dem.footprint import geographic_box
from tasks.dem.parameters import DemParameters
from tasks.dem.sources import survey_cells
from tasks.dem.surroundings import WIDEST, with_margin
from tasks.l1c.load import load_source

_OUTSIDE = frozenset({"input_path", "output_dir", "work_dir", "stac"})
"""Parts of a request that do not change the product's content; a STAC item lies beside it."""


def configuration_digest(options: ProcessingOptions) -> str:
    """Return a digest of everything but the input that decides the pixels and metadata of a product.

    It covers the values of the GIPPs (not their formatting), the options, the look-up table and the editions of the
    global maps; it does not cover the program's version.

    Raises:
        InvalidConfiguration: a GIPP is missing or wrong.
    """
    home = prepare_home(announce=lambda _line: None)
    gipp = resolve_gipp(options, home)
    request = ProductRequest(input_path=Path(), **options.model_dump(include=set(ProcessingOptions.model_fields)))
    stages = json.dumps(tile_configuration(gipp, request, "", home).identity(), sort_keys=True)
    gipps = {"gip_l2a", "gip_l2a_sc", "gip_l2a_ac", "gip_l2a_pb"}
    asked = request.model_dump_json(exclude={*_OUTSIDE, *gipps, *request.unused_extras()})
    text = "\0".join((stages, asked, gipp.processing_baseline))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def input_stamp(path: Path) -> str:
    """Return a digest of names, sizes and times of an input's files; of no file when it is not there."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        for file in _files(path):
            status = file.stat()
            digest.update(f"{file.relative_to(path.parent)}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    except OSError as error:
        raise TransientIO(f"{error.filename or path}: cannot be read ({error.strerror})") from error
    return digest.hexdigest()


def input_content(path: Path) -> str:
    """Return a digest of an input's content: all files of a folder, the table of contents (with CRC) of an archive.

    Raises:
        TransientIO: a file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        if path.is_file() and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for info in sorted(archive.infolist(), key=lambda i: i.filename):
                    digest.update(f"{info.filename}\0{info.file_size}\0{info.CRC}\0".encode())
        else:
            for file in _files(path):
                digest.update(f"{file.relative_to(path)}\0{file_digest(file)}\0".encode())
    except zipfile.BadZipFile:
        return ""
    except OSError as error:
        raise TransientIO(f"{error.filename or path}: cannot be read ({error.strerror})") from error
    return digest.hexdigest()


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def elevation_files(tile: TileRef, options: ProcessingOptions) -> dict[str, str]:
    """Return the elevation files that cover a tile and the ground around it, with size and time.

    Nothing when none is configured or there.
    """
    home: Home = prepare_home(announce=lambda _line: None)
    dem = resolve_gipp(options, home).select(DemParameters, home=str(home.folder))
    if dem.dem_directory is None:
        return {}
    try:
        grid = load_source(tile).tile.grid.at(20)
        survey = survey_cells(geographic_box(grid), dem, geographic_box(with_margin(grid, WIDEST)))
    except AuxiliaryUnavailable:
        return {}
    return {file.path: f"{file.size} {file.modified_ns}" for file in (*survey.files, *survey.outer)}
