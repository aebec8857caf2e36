"""Brings the elevation-model cells of a tile into the local folder."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import rasterio
from rasterio.errors import RasterioError

from tasks.common.errors import AuxiliaryUnavailable, TransientIO
from tasks.common.xml import shown
from tasks.dem.cells import Box, cells_covering
from tasks.dem.mosaic import MAX_SIDE
from tasks.dem.parameters import DemKind, DemParameters, DemSurvey
from tasks.dem.sources import archive_member, dem_folder, find_cell, known_sea, mark_sea, preferred_kinds, survey_cells
from tasks.dem.transfer import Limits, answers, bring_file

PROBES: Final[dict[DemKind, str]] = {
    "COPERNICUS_30": "N47_00_E011_00",
    "COPERNICUS_90": "N47_00_E011_00",
    "SRTM_90": "srtm_39_03",
}
"""A cell of the Alps by kind: an address that has it is right, and what it lacks is sea."""

_LASTING: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of a folder that a second attempt meets again: read-only, forbidden, full."""

_FINER: Final = re.compile(r"(?i)(?<=dem-)30m|(?<=glo-)30|(?<=glo)30")


def fetch_cells(
    box: Box, parameters: DemParameters, limits: Limits | None = None, around: Box | None = None
) -> DemSurvey:
    """Download the cells of a tile that are not in the configured folder, and return what is there then.

    Without an address (``dem_reference`` is a label or absent), or with every cell in place, nothing is requested. A
    30 m Copernicus cell that the address lacks is looked for in the 90 m model, which covers the few countries that
    the 30 m model leaves out. A cell that exists in neither is sea, provided that the address is known to be right;
    that is remembered by an empty marker file.

    Args:
        box: the tile.
        parameters: folder and address.
        limits: time-outs and attempts.
        around: the tile with the ground around it; None for the tile alone. The cells that lie in it only are fetched
            last, and not at all when the download of the tile's own has failed.

    Returns:
        The cells; ``problem`` says what went wrong with the download of the tile's own, if anything did, also when
        the folder cannot be written.

    Raises:
        AuxiliaryUnavailable: the folder or an archive in it cannot be read.
        TransientIO: the folder failed in a way that may pass.
    """
    survey = survey_cells(box, parameters, around)
    folder, address = dem_folder(parameters), parameters.download_address
    complete = survey.kind is not None and not survey.missing and not survey.outer_missing
    if folder is None or address is None or complete:
        return survey
    fetch = _Fetch(folder, address, preferred_kinds(parameters.dem_reference)[0], limits or Limits())
    own = cells_covering(box, fetch.kind)
    problem = fetch.bring(own) if survey.kind is None or survey.missing else ""
    outer_problem = ""
    if around is not None and not problem:
        outer = tuple(cell for cell in cells_covering(around, fetch.kind) if cell not in own)
        outer_problem = fetch.bring(outer, evidence=own)
    problems = {"problem": problem, "outer_problem": outer_problem}
    return survey_cells(box, parameters, around).model_copy(update=problems)


@dataclass(frozen=True)
class _Fetch:
    """A download address, the kind of cells it serves, and the folder they go to."""

    folder: Path
    address: str
    kind: DemKind
    limits: Limits

    def bring(self, cells: tuple[str, ...], evidence: tuple[str, ...] = ()) -> str:
        """Download those of the cells that are not there; return in one line what went wrong, empty for nothing.

        Args:
            cells: the cells wanted.
            evidence: further cells; when one of all these is there, the address is right and what it lacks is sea.
        """
        wanted = [cell for cell in cells if find_cell(self.folder, self.kind, cell) is None]
        at_sea = known_sea(self.folder, self.kind, wanted)
        absent: list[str] = []
        problem = ""
        try:
            for cell in (cell for cell in wanted if cell not in at_sea):
                there = _download_any(self.folder, self.address, self.kind, cell, self.limits)
                absent += [] if there else [cell]
        except AuxiliaryUnavailable as error:
            problem = str(error)
        except OSError as error:
            return _cannot_store(self.folder, error)
        if not absent:
            return problem
        if not (any(find_cell(self.folder, self.kind, cell) for cell in (*cells, *evidence)) or self._is_right()):
            return problem or f"{shown(self.address)}: has none of the cells {', '.join(absent)}"
        try:
            for cell in absent:
                mark_sea(self.folder, self.kind, cell)
        except OSError as error:
            return _cannot_store(self.folder, error)
        return problem

    def _is_right(self) -> bool:
        """Tell whether the address serves this kind at all, by a cell that is certainly land."""
        return self.kind in PROBES and answers(cell_address(self.address, self.kind, PROBES[self.kind])[0], self.limits)


def _cannot_store(folder: Path, error: OSError) -> str:
    """Return the line for a folder that takes no files.

    Raises:
        TransientIO: the error is of another nature and may pass.
    """
    if error.errno not in _LASTING:
        raise TransientIO(f"{shown(folder)}: DEM cell cannot be stored ({error.strerror})") from error
    return f"{shown(folder)}: DEM cells cannot be stored ({error.strerror}); free space or make it writable"


def _download_any(folder: Path, address: str, kind: DemKind, cell: str, limits: Limits) -> bool:
    """Download a cell, or the 90 m one in place of a 30 m one that does not exist."""
    if download_cell(folder, address, kind, cell, limits):
        return True
    if kind != "COPERNICUS_30":
        return False
    if find_cell(folder, "COPERNICUS_90", cell) is not None:
        return True
    return download_cell(folder, coarser_address(address), "COPERNICUS_90", cell, limits)


def coarser_address(address: str) -> str:
    """Return where the 90 m Copernicus model lies, from the address of the 30 m one.

    Public archives differ by the number only (``copernicus-dem-30m``, ``COP-DEM_GLO-30-DGED``); an address without
    it is taken to serve both.
    """
    return _FINER.sub(lambda match: match[0].replace("30", "90"), address)


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
    return bring_file(url, folder / name, lambda part: check_cell(part, Path(name).suffix, cell), limits)


def check_cell(path: Path, suffix: str, cell: str) -> None:
    """Refuse a file that is no elevation cell, by decoding all of it. Nothing is unpacked.

    Args:
        path: the file, whatever its name.
        suffix: ``.tif``, ``.tar`` or ``.zip``.
        cell: name of the cell that an archive must hold.

    Raises:
        AuxiliaryUnavailable: it is something else, such as a page that asks for a password, or it is damaged.
    """
    address, driver = str(path), "GTiff"
    if suffix in (".tar", ".zip"):
        member = archive_member(path, suffix, cell)
        address = f"/vsi{suffix[1:]}/{{{path}}}/{member}"
    try:
        with (
            rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_PAM_ENABLED="NO"),
            rasterio.open(address, driver=driver) as dataset,
        ):
            if dataset.count != 1 or max(dataset.shape) > MAX_SIDE:
                raise AuxiliaryUnavailable(
                    f"{path.name}: what was downloaded is no DEM cell ({dataset.count} bands of "
                    f"{dataset.height} x {dataset.width})"
                )
            dataset.checksum(1)
    except RasterioError as error:
        raise AuxiliaryUnavailable(f"{path.name}: what was downloaded is no DEM cell of that format") from error
