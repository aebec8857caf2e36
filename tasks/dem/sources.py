"""Finds the elevation-model cells of a tile among local files."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Final

from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.xml import shown
from tasks.dem.cells import Box, cells_covering, file_names
from tasks.dem.parameters import DemFile, DemKind, DemParameters, DemSurvey

KINDS: Final[tuple[DemKind, ...]] = ("COPERNICUS_30", "COPERNICUS_90", "DTED_30", "DTED_90", "SRTM_90")

MAX_MEMBERS: Final = 10_000
"""Entries looked at in an archive."""

MAX_MEMBER_BYTES: Final = 1 << 30
"""Largest unpacked cell in a zip archive; a SRTM cell has 72 MB."""

SEA_SUFFIX: Final = ".sea"
"""Empty files of this ending stand for cells that the download address does not have: they hold no land."""

_CELL_SUFFIXES: Final = (".tif", ".tar", ".zip", ".dt1", ".dt2")
_SEA_LISTS: Final = "CopernicusDEM_*_TIFF_missing_tiles.list"
_MAX_LIST_BYTES: Final = 8 << 20


def dem_folder(parameters: DemParameters) -> Path | None:
    """Return the folder with cells as an absolute path, None when no elevation model is configured."""
    if parameters.dem_directory is None:
        return None
    return (Path(parameters.home or ".") / Path(parameters.dem_directory).expanduser()).absolute()


def preferred_kinds(reference: str | None) -> tuple[DemKind, ...]:
    """Return the kinds of elevation model in the order in which they are looked for.

    The reference's words decide: ``srtm`` puts SRTM first, ``90`` the 90 m models before the 30 m ones. Without a hint
    the finer and newer model comes first.
    """
    words = (reference or "").lower()
    order = sorted(KINDS, key=lambda kind: "90" not in kind) if "90" in words else list(KINDS)
    if "srtm" in words:
        order.remove("SRTM_90")
        order.insert(0, "SRTM_90")
    return tuple(order)


def survey_cells(box: Box, parameters: DemParameters, around: Box | None = None) -> DemSurvey:
    """Look for the cells of a tile, and of the ground around it, in the configured folder.

    The first kind of which a cell exists is used for the whole tile; a cell that the 30 m Copernicus model lacks is
    taken from the 90 m one. A tile all of whose cells are known to be sea has that kind and no file.

    Args:
        box: the tile.
        parameters: the folder.
        around: the tile with the ground around it; None for the tile alone.

    Raises:
        AuxiliaryUnavailable: the folder, or an archive of the tile in it, cannot be read.
    """
    folder = dem_folder(parameters)
    kinds = preferred_kinds(parameters.dem_reference)
    if folder is None:
        return DemSurvey()
    for kind in kinds:
        cells = cells_covering(box, kind)
        found, coarser = _find_cells(folder, kind, cells)
        if kind == "COPERNICUS_90" and kinds[0] == "COPERNICUS_30" and parameters.download_address:
            coarser = list(found)
        absent = [cell for cell in cells if cell not in found]
        sea = known_sea(folder, kind, absent)
        if found or (cells and len(sea) == len(cells)):
            outer, outer_missing = _outer_cells(folder, kind, cells, around)
            return DemSurvey(
                kind=kind,
                files=tuple(found[cell] for cell in cells if cell in found),
                coarser=tuple(coarser),
                sea=tuple(sea),
                missing=tuple(cell for cell in absent if cell not in sea),
                outer=outer,
                outer_missing=outer_missing,
            )
    return DemSurvey(missing=cells_covering(box, kinds[0]))


def _find_cells(folder: Path, kind: DemKind, cells: tuple[str, ...]) -> tuple[dict[str, DemFile], list[str]]:
    """Return the files of cells, and which of them are of the 90 m model in place of the 30 m one."""
    found = {cell: file for cell in cells if (file := find_cell(folder, kind, cell)) is not None}
    if not found or kind != "COPERNICUS_30":
        return found, []
    others = {cell: find_cell(folder, "COPERNICUS_90", cell) for cell in cells if cell not in found}
    found |= {cell: file for cell, file in others.items() if file is not None}
    return found, [cell for cell in others if cell in found]


def _outer_cells(
    folder: Path, kind: DemKind, cells: tuple[str, ...], around: Box | None
) -> tuple[tuple[DemFile, ...], tuple[str, ...]]:
    """Return the files of the cells around those of a tile, and the cells that are found nowhere."""
    if around is None:
        return (), ()
    files, missing = [], []
    kinds: tuple[DemKind, ...] = (kind, "COPERNICUS_90") if kind == "COPERNICUS_30" else (kind,)
    for cell in (cell for cell in cells_covering(around, kind) if cell not in cells):
        try:
            file = next((found for k in kinds if (found := find_cell(folder, k, cell)) is not None), None)
        except AuxiliaryUnavailable:
            file = None
        files += [] if file is None else [file]
        missing += [cell] if file is None else []
    sea = known_sea(folder, kind, missing)
    return tuple(files), tuple(cell for cell in missing if cell not in sea)


def find_cell(folder: Path, kind: DemKind, cell: str) -> DemFile | None:
    """Return one cell's file in any of the layouts, or None.

    Raises:
        AuxiliaryUnavailable: the place exists and cannot be read.
    """
    try:
        for name in file_names(kind, cell):
            path = folder / name
            if path.is_file():
                status = path.stat()
                return DemFile(
                    cell=cell,
                    path=str(path),
                    member=archive_member(path, path.suffix, cell) if path.suffix in (".tar", ".zip") else None,
                    size=status.st_size,
                    modified_ns=status.st_mtime_ns,
                )
    except OSError as error:
        raise AuxiliaryUnavailable(f"{shown(folder)}: DEM folder cannot be read ({error.strerror})") from error
    return None


def known_sea(folder: Path, kind: DemKind, cells: list[str]) -> list[str]:
    """Return those of the cells that are known to hold no land.

    They have an empty marker file, or are named in Sen2Cor's lists of tiles that Copernicus does not have.
    """
    kinds = (kind, "COPERNICUS_30") if kind == "COPERNICUS_90" else (kind,)
    sea = [cell for cell in cells if any((folder / f"{k}_{cell}{SEA_SUFFIX}").is_file() for k in kinds)]
    if not kind.startswith("COPERNICUS"):
        return sea
    for path in sorted(folder.glob(_SEA_LISTS)):
        with path.open("rb") as stream:
            text = stream.read(_MAX_LIST_BYTES).decode("ascii", errors="replace")
        sea += [cell for cell in cells if cell in text and cell not in sea]
    return sea


def cells_in_folder(folder: Path) -> tuple[Path, ...]:
    """Return the files of a DEM folder that hold cells in any of the layouts.

    Raises:
        AuxiliaryUnavailable: the folder cannot be read.
    """
    try:
        files = (path for path in folder.rglob("*") if path.suffix in _CELL_SUFFIXES and path.is_file())
        return tuple(sorted(path for path in files if not path.name.startswith(".")))
    except OSError as error:
        raise AuxiliaryUnavailable(f"{shown(folder)}: DEM folder cannot be read ({error.strerror})") from error


def mark_sea(folder: Path, kind: DemKind, cell: str) -> None:
    """Remember that a cell does not exist because it holds no land."""
    (folder / f"{kind}_{cell}{SEA_SUFFIX}").touch()


def archive_member(archive: Path, suffix: str, cell: str) -> str:
    """Return the name of the elevation raster inside an archive. Nothing is unpacked.

    Raises:
        AuxiliaryUnavailable: the archive is damaged or holds no such raster.
    """
    try:
        names = _tar_names(archive) if suffix == ".tar" else _zip_names(archive)
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
        raise AuxiliaryUnavailable(f"{shown(archive)}: damaged archive ({shown(str(error))})") from error
    wanted = {f"{cell}.tif", f"Copernicus_DSM_10_{cell}_DEM.tif", f"Copernicus_DSM_30_{cell}_DEM.tif"}
    for name in names:
        pure = PurePosixPath(name)
        if pure.name in wanted and not pure.is_absolute() and ".." not in pure.parts:
            return name
    raise AuxiliaryUnavailable(f"{shown(archive)}: holds no {' or '.join(sorted(wanted))}")


def _tar_names(archive: Path) -> list[str]:
    names: list[str] = []
    with tarfile.open(archive, mode="r:") as stream:
        for info in stream:
            if info.isreg():
                names.append(info.name)
            if len(names) > MAX_MEMBERS:
                raise ValueError(f"more than {MAX_MEMBERS} entries")
    return names


def _zip_names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as stream:
        infos = stream.infolist()
    if len(infos) > MAX_MEMBERS:
        raise ValueError(f"more than {MAX_MEMBERS} entries")
    return [info.filename for info in infos if not info.is_dir() and info.file_size <= MAX_MEMBER_BYTES]
