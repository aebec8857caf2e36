"""The command line of ``L2A_Process``: every option of Sen2Cor 2.11, checked, and refused in one line when wrong."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

from flows.cli.console import version_line
from flows.request import contradiction
from tasks.common.errors import InvalidConfiguration
from tasks.common.records import Record

PROGRAM: Final = "L2A_Process"
CENTRE_PATTERN: Final = r"[A-Z0-9_]{4}"
BASELINE_PATTERN: Final = r"[0-9]{2}\.[0-9]{2}"

_MODES: Final[dict[str, tuple[str, ...]]] = {
    "generate_datastrip": ("datastrip", "processing_centre", "archiving_centre", "work_dir", "output_dir"),
    "process_tile": ("datastrip", "tile", "work_dir", "output_dir"),
}
"""Modes of the ground segment with the options that each needs."""

_RESOLUTIONS: Final = ("10", "20", "60")
_FOLDERS: Final = ("output_dir", "work_dir", "img_database_dir", "res_database_dir", "datastrip", "tile")
_IMAGES: Final[dict[str, str]] = {
    "raw": "Export raw images in ENVI format (rawl, hdr and gml) instead of JPEG-2000",
    "tif": "Export images in TIFF format instead of JPEG-2000",
    "cr_only": "Create the Level-2A product tree and metadata only, without processing",
}
"""Options of the product's images."""

_CLASSIFICATION: Final[dict[str, str]] = {
    "sc_only": "Perform the scene classification only, at 60 or 20 m",
    "sc_classic": "Classify the scene as Sen2Cor 2.9 did",
    "sc_cog": "Export the scene classification as Cloud Optimized GeoTIFF instead of JPEG-2000",
}
"""Options of the scene classification."""

_OWN: Final[dict[str, str]] = {
    "uncertainty": "Write one standard deviation of the surface reflectance of each band to QI_DATA (not of Sen2Cor)",
    "stac": "Write a STAC item beside the product, <product>.json (not of Sen2Cor)",
}
"""Switches of this program alone."""

_SWITCHES: Final = _IMAGES | _CLASSIFICATION | _OWN

_GIPPS: Final[dict[str, str]] = {
    "GIP_L2A": "main configuration, L2A_GIPP.xml",
    "GIP_L2A_SC": "scene classification, L2A_CAL_SC_GIPP.xml",
    "GIP_L2A_AC": "atmospheric correction, L2A_CAL_AC_GIPP.xml",
    "GIP_L2A_PB": "processing baseline, L2A_PB_GIPP.xml",
}

_EXAMPLES: Final = """\
examples:
  one product, 10, 20 and 60 m, beside the input:
    L2A_Process S2B_MSIL1C_20231022T095949_N0509_R122_T32TQM_20231022T120200.SAFE
  20 m and 60 m only, elsewhere, keeping the finished stages for a later run:
    L2A_Process --resolution 20 --output_dir /data/l2a --work_dir /data/work S2B_MSIL1C_....SAFE
  with a configuration of your own, from the current folder or from <home>/cfg:
    L2A_Process --GIP_L2A my_GIPP.xml S2B_MSIL1C_....SAFE

The home is $SEN2COR_HOME, or ~/sen2cor/2.11; its cfg folder holds the configuration files.
The last lines on standard output name the product. Exit status: 0 success, 1 failure.
"""


class L2AProcessOptions(Record):
    """A checked command line. Paths are absolute, except GIPP names that are to be found in the home."""

    input_dir: Path
    """Level-1C product: SAFE folder, archive, or one granule folder."""
    resolution: Literal[10, 20, 60] | None = None
    sc_only: bool = False
    sc_classic: bool = False
    sc_cog: bool = False
    raw: bool = False
    tif: bool = False
    cr_only: bool = False
    uncertainty: bool = False
    stac: bool = False
    output_dir: Path | None = None
    work_dir: Path | None = None
    img_database_dir: Path | None = None
    res_database_dir: Path | None = None
    """Both database folders are accepted for Sen2Cor's sake: this program keeps no image database."""
    processing_centre: str | None = None
    archiving_centre: str | None = None
    processing_baseline: str | None = None
    """``dd.dd``; None: as the GIPP says."""
    gip_l2a: Path | None = None
    gip_l2a_sc: Path | None = None
    gip_l2a_ac: Path | None = None
    gip_l2a_pb: Path | None = None
    debug: bool = False
    prefect: bool = False
    """Run under the Prefect API."""

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Resolutions to process, in order; 10 m needs the results of 20 m."""
        if self.resolution == 60:
            return (60,)
        return (20,) if self.resolution == 20 or self.sc_only else (20, 10)

    @property
    def destination(self) -> Path:
        """Folder in which the product appears: ``output_dir``, or the folder that contains the input product."""
        if self.output_dir is not None:
            return self.output_dir
        granules = self.input_dir.parent
        return granules.parent.parent if granules.name == "GRANULE" else granules


class _Parser(argparse.ArgumentParser):
    """Raises instead of printing the usage and exiting with 2."""

    def error(self, message: str) -> NoReturn:
        raise InvalidConfiguration(f"{message.removeprefix('argument ')}; see {PROGRAM} --help")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; values are checked afterwards, so that every message is ours."""
    parser = _Parser(
        prog=PROGRAM,
        description=f"{version_line()}.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("input_dir", nargs="?", help="Level-1C input: SAFE folder, zip archive, or a tile folder inside GRANULE")
    add("--mode", help="Mode: generate_datastrip, process_tile (not available in this version)")
    add(
        "--resolution",
        metavar="{10,20,60}",
        help="Target resolution [m]. 20: 20 m only; 10 or omitted: 20 and 10 m; 60: 60 m only",
    )
    add("--datastrip", help="Datastrip folder")
    add("--tile", help="Tile folder")
    add("--output_dir", help="Output directory; default: the directory that contains the input")
    add("--work_dir", help="Work directory; keeps the finished stages for later runs")
    add("--img_database_dir", help="Database directory for L1C input images; accepted, without effect")
    add("--res_database_dir", help="Database directory for results; accepted, without effect")
    add("--processing_centre", help='Processing centre, four of A-Z, 0-9 and _, e.g. "SGS_"')
    add("--archiving_centre", help='Archiving centre, four of A-Z, 0-9 and _, e.g. "SGS_"')
    add("--processing_baseline", help='Processing baseline in the format "dd.dd", e.g. 05.11')
    for name, meaning in _SWITCHES.items():
        add(f"--{name}", action="store_true", help=meaning)
    add("--debug", action="store_true", help="Log in detail, and show the traceback of an error")
    for name, meaning in _GIPPS.items():
        add(f"--{name}", metavar="FILE", help=f"Select the {meaning}")
    add("--prefect", action="store_true", help="Run under the Prefect API, also without PREFECT_API_URL")
    return parser


def parse_options(arguments: Sequence[str]) -> L2AProcessOptions:
    """Return the checked options of a command line.

    Args:
        arguments: the words after the program's name.

    Raises:
        InvalidConfiguration: an option is unknown, wrong, or not available in this version.
        SystemExit: ``--help`` was given (status 0).
    """
    parser = build_parser()
    parsed, unknown = parser.parse_known_intermixed_args(arguments)
    if unknown:
        raise InvalidConfiguration(_unknown(parser, unknown[0]))
    given: dict[str, Any] = {name.lower(): value for name, value in vars(parsed).items()}
    _check_values(given)
    _check_mode(given)
    _refuse_unavailable(given)
    _check_switches(given)
    paths = {name: _absolute(given[name]) for name in ("input_dir", *_FOLDERS[:4])}
    _check_folders(paths)
    resolution = given["resolution"]
    return L2AProcessOptions(
        **paths,
        **{name.lower(): _gipp_path(given[name.lower()]) for name in _GIPPS},
        **{name: given[name] for name in ("processing_centre", "archiving_centre", "processing_baseline")},
        resolution=None if resolution is None else int(resolution),
        **{name: given[name] for name in _SWITCHES},
        debug=given["debug"],
        prefect=given["prefect"],
    )


def options_or_exit(arguments: Sequence[str] | None = None) -> L2AProcessOptions:
    """Return the options of this process's command line, or end it with one line on standard error and status 1."""
    try:
        return parse_options(sys.argv[1:] if arguments is None else arguments)
    except InvalidConfiguration as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        raise SystemExit(1) from error


def _unknown(parser: argparse.ArgumentParser, word: str) -> str:
    if not word.startswith("-"):
        return f"one input at a time: {word} is one too many"
    name = word.split("=", 1)[0]
    known = [option for action in parser._actions for option in action.option_strings]
    similar = [option for option in known if len(name) > 3 and option.startswith(name)]
    similar += difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    return f"unknown option {name}" + (f"; did you mean {similar[0]}?" if similar else f"; see {PROGRAM} --help")


def _check_values(given: dict[str, Any]) -> None:
    """Check each option by itself."""
    for name, value in given.items():
        if isinstance(value, str) and (not value.strip() or "\0" in value):
            raise InvalidConfiguration(f"{_spelt(name)} is empty")
    _check_choice("mode", given["mode"], tuple(_MODES))
    _check_choice("resolution", given["resolution"], _RESOLUTIONS)
    for name in ("processing_centre", "archiving_centre"):
        _check_pattern(name, given[name], CENTRE_PATTERN, "four characters of A-Z, 0-9 and _, such as SGS_")
    baseline = given["processing_baseline"]
    _check_pattern("processing_baseline", baseline, BASELINE_PATTERN, "dd.dd, such as 05.11")


def _check_choice(name: str, value: str | None, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        raise InvalidConfiguration(f"--{name} {value}: expected {', '.join(choices[:-1])} or {choices[-1]}")


def _check_pattern(name: str, value: str | None, pattern: str, expected: str) -> None:
    if value is not None and not re.fullmatch(pattern, value):
        raise InvalidConfiguration(f"--{name} {value}: expected {expected}")


def _check_mode(given: dict[str, Any]) -> None:
    """Check which options go together."""
    mode = given["mode"]
    if mode is None:
        for name in ("datastrip", "tile"):
            if given[name] is not None:
                modes = [f"--mode {m}" for m, needed in _MODES.items() if name in needed]
                raise InvalidConfiguration(f"--{name} needs {' or '.join(modes)}")
        if given["input_dir"] is None:
            raise InvalidConfiguration(f"the Level-1C input is missing; see {PROGRAM} --help")
        return
    if given["input_dir"] is not None:
        raise InvalidConfiguration(f"--mode {mode} takes no input_dir: give --datastrip and --tile instead")
    if mode == "generate_datastrip" and given["tile"] is not None:
        raise InvalidConfiguration("--tile does not go with --mode generate_datastrip")
    missing = [f"--{name}" for name in _MODES[mode] if given[name] is None]
    if missing:
        raise InvalidConfiguration(f"--mode {mode} needs {', '.join(missing)}")


def _refuse_unavailable(given: dict[str, Any]) -> None:
    """Refuse the options whose work is not done yet."""
    if given["mode"] is not None:
        raise InvalidConfiguration(f"--mode {given['mode']} is not available in this version")


def _check_switches(given: dict[str, Any]) -> None:
    """Refuse switches that contradict each other."""
    wrong = contradiction(given)
    if wrong is not None:
        raise InvalidConfiguration(wrong)


def _check_folders(paths: dict[str, Path | None]) -> None:
    """Folders may be created later, but must not be files or lie inside the Level-1C product."""
    source = paths["input_dir"]
    for name, path in paths.items():
        if name == "input_dir" or path is None:
            continue
        if path.exists() and not path.is_dir():
            raise InvalidConfiguration(f"--{name} {path} is not a folder")
        if source is not None and _product_folder(source) in (path.resolve(), *path.resolve().parents):
            raise InvalidConfiguration(f"--{name} {path} lies inside the Level-1C product, which is never written to")


def _product_folder(source: Path) -> Path:
    """Return the folder of the whole product for a product or a granule inside it."""
    resolved = source.resolve()
    return resolved.parent.parent if resolved.parent.name == "GRANULE" else resolved


def _absolute(text: str | None) -> Path | None:
    return None if text is None else Path(os.path.abspath(Path(text).expanduser()))


def _gipp_path(text: str | None) -> Path | None:
    """Return a GIPP's path: absolute when it exists from here, otherwise as given, to be found in the home."""
    if text is None:
        return None
    path = Path(text).expanduser()
    return path.absolute() if path.is_file() else path


def _spelt(name: str) -> str:
    upper = {gipp.lower(): gipp for gipp in _GIPPS}
    return "input_dir" if name == "input_dir" else f"--{upper.get(name, name)}"
