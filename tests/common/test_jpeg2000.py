"""JPEG 2000 writer: exact pixels in independent decoders, markers and boxes parsed by hand, georeference."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from tasks.common.errors import InternalInconsistency, TransientIO
from tasks.common.grid import Grid
from tasks.common.jpeg2000 import write_jp2

SIZES = [(10, 1100, 1030), (10, 200, 190), (20, 641, 700), (20, 100, 95), (60, 200, 190), (60, 33, 31), (10, 6, 18)]


def make_grid(resolution: int, rows: int, cols: int) -> Grid:
    return Grid(epsg=32629, ulx=499980.0, uly=5900040.0, resolution=resolution, rows=rows, cols=cols)


def noise(shape: tuple[int, ...], dtype: str, top: int) -> NDArray[Any]:
    values = np.random.default_rng(7).integers(0, top + 1, shape)
    values[..., 0, 0], values[..., -1, -1] = 0, top
    return values.astype(dtype)


def boxes(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Walk the boxes of one level (ISO/IEC 15444-1, annex I)."""
    at = 0
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        assert length >= 8
        yield kind.decode(), data[at + 8 : at + length]
        at += length


def main_header(codestream: bytes) -> dict[int, bytes]:
    """Marker segments from SOC to the first SOT (annex A), keyed by marker code."""
    assert codestream[:2] == b"\xff\x4f"
    found, at = {}, 2
    while True:
        marker, length = struct.unpack_from(">HH", codestream, at)
        if marker == 0xFF90:
            return found
        found[marker] = codestream[at + 4 : at + 2 + length]
        at += 2 + length


def tile_part_markers(codestream: bytes) -> list[set[int]]:
    """Marker codes in the header of each tile-part; the tile-parts must follow one another up to EOC."""
    at = codestream.index(b"\xff\x90\x00\x0a")
    parts = []
    while codestream[at : at + 2] == b"\xff\x90":
        length = struct.unpack_from(">I", codestream, at + 6)[0]
        inside, here = set(), at + 12
        while codestream[here : here + 2] != b"\xff\x93":
            marker, size = struct.unpack_from(">HH", codestream, here)
            inside.add(marker)
            here += 2 + size
        parts.append(inside)
        at += length
    assert codestream[at : at + 2] == b"\xff\xd9"
    return parts


@pytest.mark.parametrize(("resolution", "rows", "cols"), SIZES)
@pytest.mark.parametrize(("dtype", "top", "bands"), [("uint16", 32767, 1), ("uint8", 255, 1), ("uint8", 255, 3)])
def test_round_trip_is_exact(
    tmp_path: Path, resolution: int, rows: int, cols: int, dtype: str, top: int, bands: int
) -> None:
    array = noise((rows, cols) if bands == 1 else (bands, rows, cols), dtype, top)
    path = tmp_path / "image.jp2"
    write_jp2(path, array, make_grid(resolution, rows, cols))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with rasterio.open(path) as dataset:
            read = dataset.read()
            assert dataset.crs.to_epsg() == 32629
            assert dataset.transform.to_gdal() == (499980.0, resolution, 0.0, 5900040.0, 0.0, -resolution)
            assert dataset.dtypes[0] == dtype
            if dtype == "uint16":
                assert dataset.tags(1, ns="IMAGE_STRUCTURE")["NBITS"] == "15"
    assert np.array_equal(read if bands == 3 else read[0], array)

    assert [p.name for p in tmp_path.iterdir()] == ["image.jp2"]


def test_glymur_decodes_the_same_pixels(tmp_path: Path) -> None:
    """OpenJPEG through glymur shares no code with GDAL's driver; it reads its library's place when it is imported."""
    pytest.importorskip("glymur")
    libraries = sorted(Path(rasterio.__file__).parent.parent.glob("rasterio.libs/libopenjp2*"))
    if not libraries:
        pytest.skip("rasterio without a bundled OpenJPEG")
    config = tmp_path / "glymur"
    config.mkdir()
    (config / "glymurrc").write_text(f"[library]\nopenjp2: {libraries[0]}\n")
    expected = []
    for number, (resolution, rows, cols) in enumerate(SIZES):
        for bands, dtype in ((1, "uint16"), (1, "uint8"), (3, "uint8")):
            array = noise(
                (rows, cols) if bands == 1 else (bands, rows, cols), dtype, 255 if dtype == "uint8" else 32767
            )
            path = tmp_path / f"{number}_{bands}_{dtype}.jp2"
            write_jp2(path, array, make_grid(resolution, rows, cols))
            expected.append((path.name, zlib.crc32(array if bands == 1 else array.transpose(1, 2, 0).copy())))
    script = (
        "import sys, zlib, glymur\nfor name in sys.argv[1:]: print(name, zlib.crc32(glymur.Jp2k(name)[:].copy()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *(name for name, _ in expected)],
        cwd=tmp_path,
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [word for name, crc in expected for word in (name, str(crc))]


@pytest.mark.parametrize(("resolution", "tile", "precinct_byte"), [(10, 1024, 0x88), (20, 640, 0x77), (60, 192, 0x66)])
def test_codestream_markers(tmp_path: Path, resolution: int, tile: int, precinct_byte: int) -> None:
    rows, cols = tile + 76, 2 * tile + 5
    write_jp2(tmp_path / "b.jp2", noise((rows, cols), "uint16", 9000), make_grid(resolution, rows, cols))
    content = dict(boxes((tmp_path / "b.jp2").read_bytes()))
    header = main_header(content["jp2c"])
    x, y, x0, y0, tx, ty, tx0, ty0, components = struct.unpack_from(">8IH", header[0xFF51], 2)
    assert (x, y, x0, y0, tx, ty, tx0, ty0, components) == (cols, rows, 0, 0, tile, tile, 0, 0, 1)
    assert header[0xFF51][36] == 14, "15 bits, unsigned"
    scod, order, layers, mct, levels, width, height, style, transform = struct.unpack_from(">BBHBBBBBB", header[0xFF52])
    assert scod == 1, "precincts defined, neither SOP nor EPH"
    assert (order, layers, mct) == (0, 1, 0), "LRCP, one layer, no component transform"
    assert levels == 4
    assert (width, height, style) == (4, 4, 0), "code blocks of 64 x 64"
    assert transform == 1, "reversible 5-3"
    assert header[0xFF52][10:] == bytes([precinct_byte] * 5)
    assert 0xFF55 in header, "TLM"
    parts = tile_part_markers(content["jp2c"])
    assert len(parts) == 6
    assert all(0xFF58 in part for part in parts), "PLT in every tile-part"


@pytest.mark.parametrize(("rows", "cols", "levels"), [(32, 300, 4), (31, 300, 3), (200, 7, 1), (3, 3, 0)])
def test_small_images_have_fewer_decompositions(tmp_path: Path, rows: int, cols: int, levels: int) -> None:
    write_jp2(tmp_path / "b.jp2", noise((rows, cols), "uint8", 255), make_grid(60, rows, cols))
    header = main_header(dict(boxes((tmp_path / "b.jp2").read_bytes()))["jp2c"])
    assert header[0xFF52][5] == levels


def test_boxes_follow_the_product_format(tmp_path: Path) -> None:
    write_jp2(tmp_path / "tci.jp2", noise((3, 60, 90), "uint8", 255), make_grid(20, 60, 90))
    data = (tmp_path / "tci.jp2").read_bytes()
    top = list(boxes(data))
    assert [kind for kind, _ in top] == ["jP  ", "ftyp", "jp2h", "asoc", "jp2c"]
    assert top[1][1] == b"jp2 \x00\x00\x00\x00jp2 "
    inner = dict(boxes(top[2][1]))
    assert struct.unpack(">IIHBBBB", inner["ihdr"]) == (60, 90, 3, 7, 7, 1, 0)
    assert struct.unpack(">BBBI", inner["colr"]) == (1, 0, 0, 16)
    assert b"gml.data" in top[3][1]
    assert b"<gml:pos>499990 5900030</gml:pos>" in top[3][1], "centre of the upper left pixel"
    assert b'srsName="urn:ogc:def:crs:EPSG::32629">0 -20</gml:offsetVector>' in top[3][1]


def test_same_pixels_same_bytes_whatever_the_threads(tmp_path: Path) -> None:
    array, grid = noise((300, 290), "uint16", 20000), make_grid(60, 300, 290)
    write_jp2(tmp_path / "one.jp2", array, grid, threads=1)
    write_jp2(tmp_path / "two.jp2", array, grid, threads=2)
    assert (tmp_path / "one.jp2").read_bytes() == (tmp_path / "two.jp2").read_bytes()


def test_tile_size_and_bits_can_be_set(tmp_path: Path) -> None:
    write_jp2(tmp_path / "i.jp2", noise((64, 64), "uint16", 4095), make_grid(60, 64, 64), bits=12, tile_size=32)
    header = main_header(dict(boxes((tmp_path / "i.jp2").read_bytes()))["jp2c"])
    assert struct.unpack_from(">II", header[0xFF51], 18) == (32, 32)
    assert header[0xFF51][36] == 11


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((60, 60), 32768, np.uint16), "32768 does not fit into 15 bits"),
        (np.zeros((60, 60), np.float32), "float32"),
        (np.zeros((3, 60, 60), np.uint16), "uint16 of shape"),
        (np.zeros((2, 60, 60), np.uint8), "uint8 of shape"),
        (np.zeros((30, 60), np.uint16), "on a grid of"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, array: NDArray[Any], message: str) -> None:
    with pytest.raises(InternalInconsistency, match=message):
        write_jp2(tmp_path / "bad.jp2", array, make_grid(10, 60, 60))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_a_transient_error(tmp_path: Path) -> None:
    with pytest.raises(TransientIO, match=r"image\.jp2"):
        write_jp2(tmp_path / "absent" / "image.jp2", np.zeros((60, 60), np.uint8), make_grid(10, 60, 60))
