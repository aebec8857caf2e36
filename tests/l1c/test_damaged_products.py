"""Every damaged product ends with one clear line, and its bytes stay as they were."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from l1c_damage import DAMAGES, EXPECTED
from l1c_factory import write_safe

from tasks.common.errors import InvalidInput, L2AError, NotProcessable
from tasks.common.grid import Grid
from tasks.l1c.archive import open_input
from tasks.l1c.decode import check_image, decode_image
from tasks.l1c.load import content_fingerprint, load_source, tile_references
from tasks.l1c.parameters import L1CParameters
from tasks.l1c.task import import_l1c


@pytest.fixture(scope="module")
def sound_safe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_safe(tmp_path_factory.mktemp("sound"))


def run(path: Path, work_dir: Path) -> None:
    """Do what the flow does with an input up to the import of its bands."""
    for tile in tile_references(open_input(path, work_dir), work_dir):
        parameters = L1CParameters(content_fingerprint=content_fingerprint(load_source(tile)))
        import_l1c.fn(tile, parameters)


def tree_digest(folder: Path) -> str:
    digest = hashlib.blake2b()
    for file in sorted(folder.rglob("*")):
        digest.update(str(file.relative_to(folder)).encode(errors="surrogateescape"))
        digest.update(str(file.readlink()).encode() if file.is_symlink() else b"")
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()


def test_the_undamaged_product_is_processed(sound_safe: Path, tmp_path: Path) -> None:
    run(sound_safe, tmp_path / "work")


def test_the_table_is_long_enough() -> None:
    assert len(DAMAGES) >= 40
    assert EXPECTED.keys() == DAMAGES.keys()


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_product_ends_with_one_clear_line(name: str, sound_safe: Path, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    given = DAMAGES[name](shutil.copytree(sound_safe, inputs / sound_safe.name))
    before = tree_digest(inputs)
    with pytest.raises(L2AError) as caught:
        run(given, tmp_path / "work")
    message = str(caught.value)
    assert type(caught.value) is (NotProcessable if name == "product_without_data" else InvalidInput)
    assert message.isprintable()
    assert len(message) < 1000
    assert EXPECTED[name] in message
    assert tree_digest(inputs) == before
    assert not list(tmp_path.rglob("escaped.txt"))
    assert not list((tmp_path / "work").rglob("*.part"))


@pytest.mark.parametrize("file", ["MTD_MSIL1C.xml", "GRANULE/*/MTD_TL.xml", "DATASTRIP/*/MTD_DS.xml"])
def test_random_damage_to_metadata_is_an_error_of_ours_or_harmless(file: str, sound_safe: Path, tmp_path: Path) -> None:
    safe = shutil.copytree(sound_safe, tmp_path / sound_safe.name)
    (path,) = safe.glob(file)
    sound = path.read_bytes()
    random = np.random.default_rng(7)
    for _ in range(60):
        data = bytearray(sound)
        for place in random.integers(0, len(sound) - 20, 3):
            length = int(random.integers(1, 20))
            data[place : place + length] = random.integers(32, 127, length, dtype=np.uint8).tobytes()
        path.write_bytes(data)
        with contextlib.suppress(L2AError):
            tile_references(open_input(safe, tmp_path / "work"), tmp_path / "work")


def test_random_damage_to_an_image_is_an_error_of_ours_or_harmless(sound_safe: Path, tmp_path: Path) -> None:
    safe = shutil.copytree(sound_safe, tmp_path / sound_safe.name)
    (path,) = safe.glob("GRANULE/*/IMG_DATA/*_B05.jp2")
    sound = path.read_bytes()
    random = np.random.default_rng(8)
    for _ in range(60):
        data = bytearray(sound)
        place = int(random.integers(0, len(sound) - 8))
        data[place : place + 8] = random.bytes(8)
        path.write_bytes(data)
        with contextlib.suppress(L2AError):
            grid = Grid(epsg=32631, ulx=300000, uly=4900020, resolution=20, rows=60, cols=60)
            check_image(path, grid)
            decode_image(path, grid)
