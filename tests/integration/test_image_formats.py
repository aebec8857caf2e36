"""Whole runs with ``--tif``, ``--raw`` and ``--cr_only``: the same pixels as the product in JPEG 2000."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from client_scripts import accepted
from many_products import smallest_product

from flows.cli.l2a_process import main
from tasks.common.xml import parse_xml
from tasks.comparison.compare import compare
from tasks.comparison.side import open_side

FORMATS = {"tif": ".tif", "raw": ".rawl"}


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that runs ``L2A_Process`` on the smallest product; the stages before the images run once."""
    folder = tmp_path_factory.mktemp("formats")
    level_1c = smallest_product(folder)
    made: dict[tuple[str, ...], Path] = {}

    def run(*options: str) -> Path:
        if options not in made:
            output = folder / "-".join(("out", *(option.strip("-") for option in options)))
            words = [str(level_1c), "--output_dir", str(output), "--work_dir", str(folder / "work"), *options]
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SEN2COR_HOME", str(folder / "home"))
                with pytest.raises(SystemExit) as ended:
                    main(words)
            assert ended.value.code == 0
            (made[options],) = output.iterdir()
        return made[options]

    return run


def granule(product: Path) -> Path:
    (folder,) = product.glob("GRANULE/*")
    return folder


def images(product: Path, suffix: str) -> dict[str, Path]:
    """Images by their path inside the granule without ending; those copied from the Level-1C are left out."""
    found = granule(product).rglob(f"*{suffix}")
    return {
        str(p.relative_to(granule(product)).with_suffix("")): p
        for p in found
        if not any(word in p.name for word in ("PVI", "MSK_DETFOO", "MSK_QUALIT", "MSK_CLASSI"))
    }


def check_clients(product: Path, shared_data: Path) -> None:
    accepted(product, shared_data, "manifest_check", "xsd_validate")


@pytest.mark.parametrize("option", list(FORMATS))
def test_same_pixels_in_another_format(process: Callable[..., Path], shared_data: Path, option: str) -> None:
    plain, other = process(), process(f"--{option}")
    expected, found = images(plain, ".jp2"), images(other, FORMATS[option])
    assert set(found) == set(expected)
    assert {name.rpartition("/")[2].split("_")[-2] for name in found} >= {"B02", "B8A", "AOT", "SCL", "TCI", "CLDPRB"}
    assert not images(other, ".jp2")
    for name, path in expected.items():
        with rasterio.open(path) as a, rasterio.open(found[name]) as b:
            assert np.array_equal(a.read(), b.read()), name
            assert (a.crs, a.transform, a.dtypes) == (b.crs, b.transform, b.dtypes)
    check_clients(other, shared_data)


def test_other_readers_of_this_program_know_the_format(process: Callable[..., Path]) -> None:
    for option in FORMATS:
        found = compare(open_side(process()), open_side(process(f"--{option}")), tuple(range(12)))
        assert len(found.images) > 20
        assert {agreement.uncertainty for agreement in found.images.values()} == {0.0}
        assert found.class_agreement == 100.0


def test_tree_only(process: Callable[..., Path], shared_data: Path) -> None:
    plain, bare = process(), process("--cr_only")

    def listed(product: Path) -> list[Any]:
        return [element.text for element in parse_xml(product / "MTD_MSIL2A.xml").element.iter("IMAGE_FILE")]

    assert listed(bare) == listed(plain)
    assert not images(bare, ".jp2")
    names = {
        str(p.relative_to(plain)).replace(plain.stem, bare.stem)
        for p in plain.rglob("*.xml")
        if "DATASTRIP" not in p.parts
    }
    missing = names - {str(p.relative_to(bare)) for p in bare.rglob("*.xml")}
    assert {Path(name).name for name in missing} == {"L2A_QUALITY.xml"}
    assert len(list(bare.glob("DATASTRIP/*/MTD_DS.xml"))) == 1
    check_clients(bare, shared_data)
