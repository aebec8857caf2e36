"""The Sen2Cor home: ``$SEN2COR_HOME`` or ``~/sen2cor/2.11``, with ``cfg/``, ``dem/`` and ``log/``.

The first use copies the default GIPPs into ``cfg/``; what is there already is never changed.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from tasks.common.errors import InvalidConfiguration
from tasks.common.gipp.defaults import GIPP_FILES, default_gipp_folder
from tasks.common.gipp.load import read_gipp
from tasks.common.gipp.model import Gipp
from tasks.common.records import Record

HOME_VARIABLE: Final = "SEN2COR_HOME"
HOME_VERSION: Final = "2.11"
MAPS_VARIABLE: Final = "SEN2COR_AUX"

_OPTIONS: Final = {"l2a": "GIP_L2A", "sc": "GIP_L2A_SC", "ac": "GIP_L2A_AC", "pb": "GIP_L2A_PB"}


class GippChoice(Protocol):
    """The part of a request that chooses the configuration; None means the home's own file."""

    @property
    def gip_l2a(self) -> Path | None: ...
    @property
    def gip_l2a_sc(self) -> Path | None: ...
    @property
    def gip_l2a_ac(self) -> Path | None: ...
    @property
    def gip_l2a_pb(self) -> Path | None: ...
    @property
    def processing_baseline(self) -> str | None: ...


class Home(Record):
    """A user's Sen2Cor home."""

    folder: Path
    created: tuple[Path, ...] = ()
    """GIPPs that this run copied."""
    notes: tuple[str, ...] = ()
    """Why the installed defaults are used instead of the home, one line each."""

    @property
    def cfg(self) -> Path:
        """Folder of the GIPPs."""
        return self.folder / "cfg"

    @property
    def dem(self) -> Path:
        """Customary folder of elevation models."""
        return self.folder / "dem"

    @property
    def aux_data(self) -> Path:
        """Folder of the global maps: ``$SEN2COR_AUX``, else ``aux_data`` of the home."""
        given = os.environ.get(MAPS_VARIABLE, "").strip()
        return Path(given).expanduser().absolute() if given else self.folder / "aux_data"

    @property
    def log(self) -> Path:
        """Folder of the reports."""
        return self.folder / "log"

    def dem_directory(self, gipp: Gipp) -> Path | None:
        """Return the elevation folder that the GIPP names, relative names below the home; None: no elevation model."""
        name = gipp.values["dem_directory"]
        return None if name is None else self.folder / Path(name).expanduser()


def _to_standard_error(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def home_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the home's path, whether it exists or not.

    Raises:
        InvalidConfiguration: the user has no home directory and none is given.
    """
    given = environment.get(HOME_VARIABLE, "").strip()
    try:
        if given:
            return Path(given).expanduser().absolute()
        return Path("~").expanduser().absolute() / "sen2cor" / HOME_VERSION
    except RuntimeError as error:
        raise InvalidConfiguration(f"the home directory is not known: set {HOME_VARIABLE} to a folder") from error


def prepare_home(
    environment: Mapping[str, str] = os.environ, announce: Callable[[str], None] = _to_standard_error
) -> Home:
    """Make the home complete: folders, and copies of the default GIPPs that are not there yet.

    Several processes may do this at once. A home that cannot be written is used as it is, with a note.

    Args:
        environment: where ``SEN2COR_HOME`` is looked up.
        announce: told, in one line each, which files were copied and why the home could not be written.

    Raises:
        InvalidConfiguration: the home is not a folder, or the installation has no default GIPPs.
    """
    folder = home_folder(environment)
    if folder.exists() and not folder.is_dir():
        raise InvalidConfiguration(f"{folder} is not a folder: set {HOME_VARIABLE} to a folder")
    home = Home(folder=folder)
    defaults = default_gipp_folder()
    created: list[Path] = []
    notes: tuple[str, ...] = ()
    try:
        for needed in (home.cfg, home.dem, home.log):
            needed.mkdir(parents=True, exist_ok=True)
        for name in GIPP_FILES.values():
            if _copy_new(defaults / name, home.cfg / name):
                created.append(home.cfg / name)
                announce(f"{defaults / name} -> {home.cfg / name}")
    except OSError as error:
        reason = error.strerror or str(error)
        notes = (f"home {folder} cannot be written ({reason}): the installed defaults are used for what it lacks",)
        announce(notes[0])
    return home.model_copy(update={"created": tuple(created), "notes": notes})


def _copy_new(source: Path, target: Path) -> bool:
    """Copy a file under a temporary name and give it its name; an existing file is left alone.

    Returns:
        True when this call made the file.
    """
    if os.path.lexists(target):
        return False
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        shutil.copyfile(source, temporary)
        temporary.chmod(0o644)
        return _publish(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _publish(temporary: Path, target: Path) -> bool:
    """Give a finished file its name unless the name is taken; a link, unlike a rename, never replaces a file."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            return False
        temporary.rename(target)
    return True


def find_gipp(key: str, choice: Path | None, home: Home) -> Path:
    """Return the file to read for one GIPP.

    Args:
        key: ``l2a``, ``sc``, ``ac`` or ``pb``.
        choice: value of the ``--GIP_*`` option; tried as a path, then inside the home's ``cfg``. None: the home's
            own file, or the installed default where the home has none.

    Raises:
        InvalidConfiguration: the chosen file is in neither place.
    """
    if choice is None:
        own = home.cfg / GIPP_FILES[key]
        return own if own.is_file() else default_gipp_folder() / GIPP_FILES[key]
    direct = choice.expanduser().absolute()
    for candidate in (direct, home.cfg / choice):
        if candidate.is_file():
            return candidate
    elsewhere = "" if choice.is_absolute() else f", neither here nor in {home.cfg}"
    raise InvalidConfiguration(f"--{_OPTIONS[key]} {choice}: no such file{elsewhere}")


def resolve_gipp(options: GippChoice, home: Home) -> Gipp:
    """Read the configuration that a command line or request asks for.

    What was ignored or replaced by a default stands in the result's ``notes`` and is logged as warnings.

    Raises:
        InvalidConfiguration: a file is missing or holds a value that is not allowed.
    """
    gipp = read_gipp(
        l2a=find_gipp("l2a", options.gip_l2a, home),
        sc=find_gipp("sc", options.gip_l2a_sc, home),
        ac=find_gipp("ac", options.gip_l2a_ac, home),
        pb=find_gipp("pb", options.gip_l2a_pb, home),
    )
    for note in gipp.notes:
        logging.getLogger("sen2flow").warning("%s", note)
    changes: dict[str, object] = {"notes": home.notes + gipp.notes}
    if options.processing_baseline is not None:
        changes["processing_baseline"] = options.processing_baseline
    return gipp.model_copy(update=changes)
