"""Looks after the global maps: what is there, and unpacking of the archive they come in."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

import rasterio
from rasterio.errors import RasterioError

from tasks.common.errors import InvalidInput, TransientIO
from tasks.common.xml import shown
from tasks.esa_cci.parameters import EsaCciParameters
from tasks.esa_cci.snow_files import snow_condition_name

MAX_UNPACKED_BYTES: Final = 40 << 30
"""More than six times the size of the real package."""

_CHUNK: Final = 4 << 20
_SNOW_SUFFIXES: Final = (".tif", ".tiff")

WITHOUT: Final[dict[str, str]] = {
    "snow climatology": "the embedded climatology tells where snow can be",
    "water bodies": "water is told from shadow by its colour only",
    "land cover": "bright towns and bare ground may be taken for cloud",
    "snow condition": "snow and bright cloud are told apart by their colour only",
}
"""What is disabled where a map is missing."""


@dataclass(frozen=True)
class MapState:
    """One of the maps: what it is, where it belongs, and what is wrong (empty: nothing)."""

    name: str
    path: Path
    problem: str


def map_states(parameters: EsaCciParameters) -> tuple[MapState, ...]:
    """Return the state of the four maps; each file is opened, not read."""
    folder = Path(parameters.aux_data or ".")
    single = {
        "snow climatology": folder / parameters.snow_map,
        "water bodies": folder / parameters.esacci_waterbodies_map,
        "land cover": folder / parameters.esacci_landcover_map,
    }
    states = [MapState(name, path, _problem(path)) for name, path in single.items()]
    snow = folder / parameters.esacci_snowcondition_map_dir
    return (*states, MapState("snow condition", snow, _snow_problem(snow)))


def _problem(path: Path) -> str:
    if not path.is_file():
        return "missing"
    try:
        with rasterio.Env(GDAL_PAM_ENABLED="NO"), rasterio.open(path, driver="GTiff") as dataset:
            return "" if dataset.dtypes[0] == "uint8" else f"holds {dataset.dtypes[0]}, expected bytes"
    except RasterioError as error:
        return f"cannot be read ({shown(str(error))})"


def _snow_problem(folder: Path) -> str:
    if not folder.is_dir():
        return "missing"
    names = [path.name for path in folder.iterdir()]
    lacking = [month for month in range(1, 13) if snow_condition_name(names, month, 15) is None]
    if lacking:
        return f"no map for month {', '.join(map(str, lacking))}"
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in _SNOW_SUFFIXES]
    return next((f"{path.name} {problem}" for path in files if (problem := _problem(path))), "")


def unpack_maps(archive: Path, parameters: EsaCciParameters) -> tuple[Path, ...]:
    """Unpack the maps from ESA's tar archive (``ESACCI-LC-L4-ALL-FOR-SEN2COR-*.tar.gz``) to where they belong.

    Only regular files with the names of the maps are taken, wherever they lie in the archive; everything else in it is
    left alone. A file appears complete or not at all; one that is there in the same size is kept.

    Args:
        archive: a tar archive, compressed or not.
        parameters: names of the maps and the folder they belong in.

    Returns:
        The files of the archive that are in place now.

    Raises:
        InvalidInput: it is no such archive, is damaged, or holds none of the maps.
        TransientIO: the folder cannot be written.
    """
    folder = Path(parameters.aux_data or ".")
    placed: list[Path] = []
    left = MAX_UNPACKED_BYTES
    try:
        with tarfile.open(archive, mode="r|*") as stream:
            for info, place in _wanted(stream, parameters):
                left -= info.size
                if left < 0:
                    raise InvalidInput(f"{shown(archive)}: more than {MAX_UNPACKED_BYTES} bytes of maps")
                target = folder / place
                content = stream.extractfile(info)
                if content is not None and not (target.is_file() and target.stat().st_size == info.size):
                    _write(content, target, info.size, archive)
                placed.append(target)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise InvalidInput(f"{shown(archive)}: no tar archive, or damaged ({shown(str(error))})") from error
    except OSError as error:
        raise TransientIO(f"{error.filename or archive}: {error.strerror or error} while unpacking maps") from error
    if not placed:
        raise InvalidInput(f"{shown(archive)}: holds none of the maps, such as {parameters.esacci_waterbodies_map}")
    return tuple(placed)


def _wanted(stream: tarfile.TarFile, parameters: EsaCciParameters) -> Iterator[tuple[tarfile.TarInfo, Path]]:
    """Yield the entries that are maps, and where they go below the folder; the path inside the archive is not used."""
    single = {parameters.snow_map, parameters.esacci_waterbodies_map, parameters.esacci_landcover_map}
    snow = parameters.esacci_snowcondition_map_dir
    for info in stream:
        pure = PurePosixPath(info.name)
        if not info.isreg():
            continue
        if pure.name in single:
            yield info, Path(pure.name)
        elif pure.parent.name == snow and pure.suffix.lower() in _SNOW_SUFFIXES:
            yield info, Path(snow) / pure.name


def _write(content: IO[bytes], target: Path, size: int, archive: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as output:
            while chunk := content.read(_CHUNK):
                output.write(chunk)
        if part.stat().st_size != size:
            raise InvalidInput(f"{shown(archive)}: {target.name} is cut off")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
