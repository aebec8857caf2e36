"""The command line of ``L2A_Process`` and what it prints, against Sen2Cor 2.11's options and console layout."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from flows.archive.identity import configuration_digest
from flows.archive.request import ArchiveRequest
from flows.cli.console import Console, version_line
from flows.cli.options import L2AProcessOptions, build_parser, options_or_exit, parse_options
from flows.cli.sen2flow import app
from flows.request import ProcessingOptions, ProductRequest
from tasks.common.errors import InvalidConfiguration

REPOSITORY = Path(__file__).parents[2]
MODE_OPTIONS = ["--datastrip", "d", "--work_dir", "w", "--output_dir", "o"]
CENTRES = ["--processing_centre", "SGS_", "--archiving_centre", "SGS_"]

SEN2COR_OPTIONS = {
    "--help", "--mode", "--resolution", "--datastrip", "--tile", "--output_dir", "--work_dir", "--img_database_dir",
    "--res_database_dir", "--processing_centre", "--archiving_centre", "--processing_baseline", "--raw", "--tif",
    "--sc_only", "--sc_classic", "--sc_cog", "--cr_only", "--debug", "--GIP_L2A", "--GIP_L2A_SC", "--GIP_L2A_AC",
    "--GIP_L2A_PB",
}  # fmt: skip
"""Every option of the help text of Sen2Cor 2.11."""


def test_every_option_of_sen2cor_and_three_of_ours() -> None:
    known = {word for action in build_parser()._actions for word in action.option_strings if word.startswith("--")}
    assert known == SEN2COR_OPTIONS | {"--prefect", "--uncertainty", "--stac"}


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = parse_options(["S2A.SAFE"])
    assert options.input_dir == tmp_path / "S2A.SAFE"
    assert options.destination == tmp_path
    assert options.resolutions == (20, 10)
    others = options.model_dump(exclude={"input_dir", "debug", "prefect"})
    assert set(others.values()) == {None, False}
    assert not options.debug
    assert not options.prefect


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        (["--resolution", "20"], "resolution", 20),
        (["--resolution=10"], "resolution", 10),
        (["--output_dir", "out"], "output_dir", "out"),
        (["--work_dir", "/w"], "work_dir", Path("/w")),
        (["--img_database_dir", "/i"], "img_database_dir", Path("/i")),
        (["--res_database_dir", "/r"], "res_database_dir", Path("/r")),
        (["--processing_centre", "SGS_"], "processing_centre", "SGS_"),
        (["--archiving_centre", "2APS"], "archiving_centre", "2APS"),
        (["--processing_baseline", "05.11"], "processing_baseline", "05.11"),
        (["--GIP_L2A", "a.xml"], "gip_l2a", Path("a.xml")),
        (["--GIP_L2A_SC", "a.xml"], "gip_l2a_sc", Path("a.xml")),
        (["--GIP_L2A_AC", "a.xml"], "gip_l2a_ac", Path("a.xml")),
        (["--GIP_L2A_PB", "/a.xml"], "gip_l2a_pb", Path("/a.xml")),
        (["--debug"], "debug", True),
        (["--prefect"], "prefect", True),
    ],
)
@pytest.mark.parametrize("last", [True, False], ids=["input first", "input last"])
def test_each_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], field: str, value: Any, last: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    options = parse_options(["x.SAFE", *arguments] if last else [*arguments, "x.SAFE"])
    assert getattr(options, field) == (tmp_path / "out" if value == "out" else value)


def test_resolutions_and_destination() -> None:
    assert parse_options(["/l1c/x.SAFE", "--resolution", "20"]).resolutions == (20,)
    assert parse_options(["/l1c/x.SAFE", "--resolution", "10"]).resolutions == (20, 10)
    assert parse_options(["/l1c/x.SAFE/GRANULE/L1C_T18SVG_A1_20160112T1"]).destination == Path("/l1c")
    assert parse_options(["/l1c/x.SAFE/", "--output_dir", "/out"]).destination == Path("/out")


def test_gipp_of_the_current_folder_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.xml").write_text("", encoding="utf-8")
    assert parse_options(["x.SAFE", "--GIP_L2A", "mine.xml"]).gip_l2a == tmp_path / "mine.xml"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the Level-1C input is missing; see L2A_Process --help"),
        (["--debug"], "the Level-1C input is missing; see L2A_Process --help"),
        ([""], "input_dir is empty"),
        (["x", "y"], "one input at a time: y is one too many"),
        (["x", "--resolution", "30"], "--resolution 30: expected 10, 20 or 60"),
        (["x", "--resolution", "20m"], "--resolution 20m: expected 10, 20 or 60"),
        (["x", "--resolution", "010"], "--resolution 010: expected 10, 20 or 60"),
        (["x", "--resolution"], "--resolution: expected one argument; see L2A_Process --help"),
        (["x", "--mode", "TOOLBOX"], "--mode TOOLBOX: expected generate_datastrip or process_tile"),
        (["x", "--tif=yes"], "--tif: ignored explicit argument 'yes'; see L2A_Process --help"),
        (["x", "--frobnicate"], "unknown option --frobnicate; see L2A_Process --help"),
        (["x", "-r", "20"], "unknown option -r; see L2A_Process --help"),
        (["x", "--res", "20"], "unknown option --res; did you mean --resolution?"),
        (["x", "--resoluton=20"], "unknown option --resoluton; did you mean --resolution?"),
        (["x", "--gip_l2a", "f"], "unknown option --gip_l2a; see L2A_Process --help"),
        (["x", "--processing_centre", "sgs_"], "--processing_centre sgs_: expected four characters of A-Z, 0-9 and _"),
        (["x", "--processing_centre", "SGS"], "--processing_centre SGS: expected four characters"),
        (["x", "--archiving_centre", "SGS_\n"], "--archiving_centre SGS_\n: expected four characters"),
        (["x", "--processing_baseline", "5.11"], "--processing_baseline 5.11: expected dd.dd, such as 05.11"),
        (["x", "--processing_baseline", "0511"], "--processing_baseline 0511: expected dd.dd, such as 05.11"),
        (["x", "--processing_baseline", "٠٥.١١"], "--processing_baseline ٠٥.١١: expected dd.dd"),
        (["x", "--output_dir", " "], "--output_dir is empty"),
        (["x", "--GIP_L2A_SC", ""], "--GIP_L2A_SC is empty"),
        (["x", "--work_dir", "/etc/passwd"], "--work_dir /etc/passwd is not a folder"),
        (["/l/x.SAFE", "--output_dir", "/l/x.SAFE"], "lies inside the Level-1C product, which is never written to"),
        (["/l/x.SAFE/GRANULE/T", "--work_dir", "/l/x.SAFE/w"], "lies inside the Level-1C product"),
        (["x", "--tile", "t"], "--tile needs --mode process_tile"),
        (["x", "--datastrip", "t"], "--datastrip needs --mode generate_datastrip or --mode process_tile"),
        (["--mode", "process_tile"], "--mode process_tile needs --datastrip, --tile, --work_dir, --output_dir"),
        (["--mode", "process_tile", *MODE_OPTIONS], "--mode process_tile needs --tile"),
        (["--mode", "generate_datastrip", *MODE_OPTIONS], "needs --processing_centre, --archiving_centre"),
        (["--mode", "generate_datastrip", *MODE_OPTIONS, *CENTRES, "--tile", "t"], "--tile does not go with --mode"),
        (["x", "--mode", "process_tile", *MODE_OPTIONS, "--tile", "t"], "--mode process_tile takes no input_dir"),
        (["x", "--raw", "--tif"], "--tif and --raw do not go together: a product's images have one format"),
        (["x", "--raw", "--sc_cog"], "--sc_cog and --raw do not go together: the scene classification is GeoTIFF or"),
        (["x", "--cr_only", "--stac"], "--cr_only and --stac do not go together: an item describes images"),
        (["x", "--cr_only", "--uncertainty"], "--cr_only and --uncertainty do not go together: nothing is processed"),
    ],
)
def test_wrong_command_lines(arguments: list[str], message: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        parse_options(arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--mode", "process_tile", *MODE_OPTIONS, "--tile", "t"],
            "--mode process_tile is not available in this version",
        ),
        (
            ["--mode", "generate_datastrip", *MODE_OPTIONS, *CENTRES],
            "--mode generate_datastrip is not available in this version",
        ),
    ],
)
def test_options_of_later_versions_are_refused_plainly(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        options_or_exit(arguments)
    assert caught.value.code == 1
    assert capsys.readouterr() == ("", f"L2A_Process: {message}\n")


@pytest.mark.parametrize(
    "names", [("tif",), ("raw",), ("cr_only",), ("tif", "sc_cog"), ("raw", "sc_only"), ("cr_only", "raw")]
)
def test_options_of_the_images_reach_the_request(names: tuple[str, ...]) -> None:
    options = parse_options(["x.SAFE", *(f"--{name}" for name in names)])
    assert {name for name in ("tif", "raw", "cr_only", "sc_cog", "sc_only") if getattr(options, name)} == set(names)
    request = ProductRequest(input_path=options.input_dir, **dict.fromkeys(names, True))
    assert request.image_format == ("GTiff" if "tif" in names else "ENVI" if "raw" in names else "JP2")


def test_the_same_contradictions_are_refused_in_a_request() -> None:
    with pytest.raises(ValidationError, match="--tif and --raw do not go together"):
        ProductRequest(input_path=Path("x.SAFE"), tif=True, raw=True)
    with pytest.raises(ValidationError, match="--sc_cog and --raw do not go together"):
        ArchiveRequest(source="x", output_dir=Path("out"), raw=True, sc_cog=True)


def test_archive_command_refuses_them_in_one_line() -> None:
    done = CliRunner().invoke(app, ["archive", "x", "--output-dir", "out", "--tif", "--raw"])
    assert done.exit_code == 1
    assert done.stderr == "sen2flow archive: --tif and --raw do not go together: a product's images have one format\n"


def test_switches_that_are_off_leave_what_is_done_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Archives know a product by this digest: it must not change with options that nobody gave."""
    monkeypatch.setenv("SEN2COR_HOME", str(tmp_path))
    digested: list[str] = []

    def blake2b(content: bytes, digest_size: int) -> Any:
        digested.append(content.decode())
        return hashlib.blake2b(content, digest_size=digest_size)

    monkeypatch.setattr("flows.archive.identity.hashlib", SimpleNamespace(blake2b=blake2b))
    digests = {configuration_digest(ProcessingOptions())}
    assert not [word for word in ("tif", "raw", "cr_only", "image_format") if f'"{word}"' in digested[0]]
    assert '"sc_cog":false' in digested[0]
    digests |= {configuration_digest(ProcessingOptions(**{name: True})) for name in ("tif", "raw", "cr_only")}
    assert len(digests) == 4


def test_sen2flow_process_hands_them_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[L2AProcessOptions] = []
    monkeypatch.setattr("flows.cli.sen2flow.run", lambda options: seen.append(options) or 0)
    for word, name in (("--tif", "tif"), ("--raw", "raw"), ("--cr-only", "cr_only")):
        assert CliRunner().invoke(app, ["process", "x.SAFE", word]).exit_code == 0
        assert [n for n in ("tif", "raw", "cr_only") if getattr(seen[-1], n)] == [name]


def test_relative_symbolic_link_into_the_product_is_seen(tmp_path: Path) -> None:
    product = tmp_path / "x.SAFE"
    (product / "inside").mkdir(parents=True)
    (tmp_path / "link").symlink_to(product / "inside")
    with pytest.raises(InvalidConfiguration, match="never written to"):
        parse_options([str(product), "--output_dir", str(tmp_path / "link")])


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_options(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert version_line() in text
    assert "examples:" in text
    assert all(option in text for option in SEN2COR_OPTIONS)


def test_usage_error_of_the_process_exits_with_one() -> None:
    code = "from flows.cli.options import options_or_exit; options_or_exit()"
    run = subprocess.run(
        [sys.executable, "-c", code, "--nonsense"], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr == "L2A_Process: unknown option --nonsense; see L2A_Process --help\n"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_console_layout() -> None:
    stream, clock = io.StringIO(), Clock()
    console = Console(stream, clock)
    console.start("99.99")
    clock.now += 0.5
    console.step("import of L1C", 0.05)
    clock.now += 3725.25
    console.step("scene\nclassification", 0.30)
    console.step("late", 0.2)
    console.step("last", 1.0)
    console.finish(Path("out/S2A_MSIL2A.SAFE"))
    lines = stream.getvalue().splitlines()
    assert re.fullmatch(
        r"Sentinel-2 Level 2A Processor \(sen2flow .+, after Sen2Cor 02\.11\.00\), "
        r"supporting Level-1C product version 14\.2 - 15\.0 started \.\.\.",
        lines[0],
    )
    assert lines[1:3] == ["Operation mode: TOOLBOX", "Processing baseline: 99.99"]
    progress = [re.sub(r"PID-\d+", "PID-n", line) for line in lines[3:7]]
    assert progress == [
        "Progress[%]: 5.00 : PID-n, import of L1C, elapsed time[s]: 0.500, total: 0:00:00",
        "Progress[%]: 30.00 : PID-n, scene classification, elapsed time[s]: 3725.250, total: 1:02:05",
        "Progress[%]: 30.00 : PID-n, late, elapsed time[s]: 0.000, total: 1:02:05",
        "Progress[%]: 99.99 : PID-n, last, elapsed time[s]: 0.000, total: 1:02:05",
    ]
    assert lines[7:] == [
        f"Product: {Path('out/S2A_MSIL2A.SAFE').absolute()}",
        "Progress[%]: 100.00 : Application terminated successfully.",
    ]


def test_console_of_a_failed_run(capsys: pytest.CaptureFixture[str]) -> None:
    Console().finish(None)
    assert capsys.readouterr().out == "Progress[%]: 100.00 : Application terminated with at least one error.\n"


class ClosedPipe(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_console_survives_a_reader_that_left() -> None:
    console = Console(ClosedPipe())
    console.start()
    console.step("import", 0.1)
    console.finish(None)


@pytest.mark.parametrize(
    ("arguments", "resolutions"),
    [
        (["--sc_only"], (20,)),
        (["--resolution", "60"], (60,)),
        (["--sc_only", "--resolution", "60"], (60,)),
        (["--sc_only", "--resolution", "20", "--sc_cog"], (20,)),
        (["--sc_classic"], (20, 10)),
    ],
)
def test_options_of_the_classification(tmp_path: Path, arguments: list[str], resolutions: tuple[int, ...]) -> None:
    options = parse_options([str(tmp_path / "x.SAFE"), *arguments])
    assert options.resolutions == resolutions
    for name in ("sc_only", "sc_classic", "sc_cog"):
        assert getattr(options, name) == (f"--{name}" in arguments)
