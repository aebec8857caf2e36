"""The command line of ``L2A_Process`` and what it prints, against Sen2Cor 2.11's options and console layout."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flows.cli.console import Console, version_line
from flows.cli.options import build_parser, options_or_exit, parse_options
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
    ],
)
def test_wrong_command_lines(arguments: list[str], message: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        parse_options(arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--raw"], "--raw is not available in this version"),
        (["x", "--tif"], "--tif is not available in this version"),
        (["x", "--cr_only"], "--cr_only is not available in this version"),
        (["x", "--tif", "--raw"], "--raw, --tif are not available in this version"),
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
