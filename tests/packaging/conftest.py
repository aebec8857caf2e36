"""A Level-1C product with real metadata and a small image, and the results of its stages from closed formulas."""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.common.artefacts import run_stage
from tasks.common.bands import BANDS, EXPORTED_BANDS, NATIVE_RESOLUTION
from tasks.common.grid import Grid
from tasks.common.jpeg2000 import write_jp2
from tasks.common.records import StageResult, TileRef
from tasks.l1c.load import tile_reference
from tasks.packaging.description import GippFile, GranuleProduct, ProductDescription
from tasks.packaging.parameters import PackagingParameters
from tasks.packaging.task import encode_images

PRODUCT = "S2A_MSIL1C_20210713T032051_N0301_R032_T48LWP_20210713T054224.SAFE"
"""The one real product with every kind of metadata file (baseline 03.01, so without PSD 14.8's new elements)."""

GENERATION = datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)

PERCENTAGES = {
    "CLOUDY_PIXEL_PERCENTAGE": 12.5, "CLOUDY_PIXEL_OVER_LAND_PERCENTAGE": 13.25, "NODATA_PIXEL_PERCENTAGE": 1.0 / 3,
    "SATURATED_DEFECTIVE_PIXEL_PERCENTAGE": 0.0, "DARK_FEATURES_PERCENTAGE": 0.5, "CLOUD_SHADOW_PERCENTAGE": 2.0,
    "VEGETATION_PERCENTAGE": 60.0, "NOT_VEGETATED_PERCENTAGE": 20.0, "WATER_PERCENTAGE": 4.0,
    "UNCLASSIFIED_PERCENTAGE": 1.0, "MEDIUM_PROBA_CLOUDS_PERCENTAGE": 5.0, "HIGH_PROBA_CLOUDS_PERCENTAGE": 7.0,
    "THIN_CIRRUS_PERCENTAGE": 0.5, "SNOW_ICE_PERCENTAGE": 0.0,
}  # fmt: skip


def image(grid: Grid, seed: int, top: int, dtype: str = "uint16") -> NDArray[Any]:
    """Noise from 1 to ``top``, with no-data in the last column."""
    values = np.random.default_rng(seed).integers(1, top + 1, grid.shape).astype(dtype)
    values[:, -1] = 0
    return values


def write_level_1c(source: Path, target: Path, rows: int, cols: int) -> Path:
    """Copy the real product, shrink its grid in the metadata and write images to match."""
    product = target / source.name
    shutil.copytree(source, product)
    for packed in product.rglob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    metadata = next(product.glob("GRANULE/*/MTD_TL.xml"))
    text = metadata.read_text(encoding="utf-8")
    for name, size in (("NROWS", rows), ("NCOLS", cols)):
        for resolution, full in ((10, 10980), (20, 5490), (60, 1830)):
            text = text.replace(f"<{name}>{full}</{name}>", f"<{name}>{size * 10 // resolution}</{name}>")
    metadata.write_text(text, encoding="utf-8")
    corner = [float(re.findall(rf"<{axis}>(\d+)</{axis}>", text)[0]) for axis in ("ULX", "ULY")]
    epsg = int(re.findall(r"EPSG:(\d+)", text)[0])
    grid = Grid(epsg=epsg, ulx=corner[0], uly=corner[1], resolution=10, rows=rows, cols=cols)
    folder = metadata.parent / "IMG_DATA"
    folder.mkdir(exist_ok=True)
    for number, band in enumerate(BANDS):
        at = grid.at(NATIVE_RESOLUTION[band])
        write_jp2(folder / f"T48LWP_20210713T032051_{band}.jp2", image(at, number, 9000), at)
    return product


@dataclass(frozen=True)
class Case:
    """A tile with its stages, ready to be packaged."""

    tile: TileRef
    stages: dict[str, StageResult]
    grid: Grid

    @property
    def granule(self) -> GranuleProduct:
        return GranuleProduct(tile=self.tile, stages=tuple(self.stages.values()))


def stage(tile: TileRef, name: str, arrays: dict[str, NDArray[Any]], **statistics: Any) -> StageResult:
    """Store arrays and statistics as the result of a stage."""

    def produce(out: Any) -> None:
        for key, values in arrays.items():
            out.save(key, values)
        out.statistics.update(statistics)
        if name == "dem":
            out.fall_back("L2A-DEM-FLAT", "no elevation model: flat terrain")

    return run_stage(tile.store, name, "1", None, {}, produce)


def make_stages(tile: TileRef, grid: Grid) -> dict[str, StageResult]:
    """Return the results of all stages before ``images``."""
    at = {resolution: grid.at(resolution) for resolution in (10, 20, 60)}
    l1c = {f"{band}_20m": image(at[20], 40 + i, 5000) for i, band in enumerate(("B02", "B03", "B04"))}

    def bands(resolution: int) -> dict[str, NDArray[Any]]:
        names = EXPORTED_BANDS[resolution]
        return {f"{b}_{resolution}m": image(at[resolution], 60 + i, 12000) for i, b in enumerate(names)}

    def maps(resolution: int) -> dict[str, NDArray[Any]]:
        kinds = {"aot": (800, "uint16"), "wvp": (4000, "uint16"), "scl": (11, "uint8")}
        kinds |= {"cloud_confidence": (100, "uint8"), "snow_confidence": (100, "uint8"), "valid": (1, "uint8")}
        return {f"{k}_{resolution}m": image(at[resolution], 80, top, dtype) for k, (top, dtype) in kinds.items()}

    twenty = maps(20)
    ten = {k: v for k, v in maps(10).items() if k in ("aot_10m", "wvp_10m")}
    classes = {k: v for k, v in twenty.items() if k[:3] in ("scl", "clo", "sno", "val")}
    return {
        "l1c": stage(
            tile,
            "l1c",
            l1c,
            grid=grid.model_dump(),
            radio_add_offset=dict.fromkeys(BANDS, 0),
            mean_sun_zenith_deg=40.927668,
        ),
        "dem": stage(tile, "dem", {}, source="none", flat=True, mean_height_m=0.0),
        "meteo": stage(tile, "meteo", {}, ozone_source="AUX_ECMWFT", ozone_value=301.5, ozone_du=301.5),
        "classification": stage(tile, "classification", classes, image_content_qi=PERCENTAGES),
        "aot": stage(
            tile,
            "aot",
            {"aot_20m": twenty["aot_20m"], "dark_vegetation_20m": image(at[20], 81, 6, "uint8")},
            retrieval_method="SEN2COR_DDV",
            mean_aot=0.123456789,
            visibility_km=35.5,
            start_visibility_km=40.0,
            ddv_percentage=7.25,
            ddv_reflectance_limit=0.05,
        ),
        "water_vapour": stage(tile, "water_vapour", {"wvp_20m": twenty["wvp_20m"]}, mean_water_vapour_cm=2.0000004),
        "surface_reflectance_20m": stage(tile, "surface_reflectance_20m", bands(20)),
        "surface_reflectance_10m": stage(tile, "surface_reflectance_10m", {**bands(10), **ten}),
        "surface_reflectance_60m": stage(tile, "surface_reflectance_60m", {**bands(60), **maps(60)}),
    }


def encode(tile: TileRef, stages: dict[str, StageResult], **parameters: Any) -> StageResult:
    """Run stage ``images`` without Prefect."""
    names = (
        "l1c",
        "classification",
        "aot",
        "water_vapour",
        *(n for n in stages if n.startswith("surface_reflectance")),
    )
    inputs = {name: stages[name] for name in names}
    return encode_images.fn(tile, PackagingParameters(**parameters), **inputs)


@pytest.fixture(scope="session")
def level_1c(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product of 252 x 240 pixels of 10 m (neither square nor a multiple of a tile)."""
    return write_level_1c(shared_data / "xml-l1c" / PRODUCT, tmp_path_factory.mktemp("l1c"), 252, 240)


@pytest.fixture(scope="session")
def case(level_1c: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    granule = next((level_1c / "GRANULE").iterdir())
    tile = tile_reference(level_1c, granule, tmp_path_factory.mktemp("work"))
    grid = Grid(epsg=32748, ulx=499980.0, uly=8900020.0, resolution=10, rows=252, cols=240)
    stages = make_stages(tile, grid)
    stages["images"] = encode(tile, stages)
    return Case(tile=tile, stages=stages, grid=grid)


@pytest.fixture
def description(tmp_path: Path) -> ProductDescription:
    gipps = []
    for name, kind in (
        ("L2A_GIPP", None),
        ("L2A_CAL_SC_GIPP", "GIP_L2ACSC"),
        ("L2A_CAL_AC_GIPP", "GIP_L2ACAC"),
        ("L2A_PB_GIPP", "GIP_PROBA2"),
    ):
        path = tmp_path / "gipp" / f"{name}.xml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"<{name}/>\n", encoding="utf-8")
        gipps.append(GippFile(path=path, type=kind, version="0021100"))
    return ProductDescription(
        generation_time=GENERATION,
        processor_version="0.1.0",
        gipps=tuple(gipps),
        look_up_tables=("rural_v1",),
    )


@pytest.fixture(scope="session")
def validate(shared_data: Path) -> Callable[[Path | bytes, str], list[str]]:
    """Return a function that gives the errors of an XML document against a PSD 14.8 schema."""
    from lxml import etree

    folder = shared_data / "psd-xsd" / "psd-14.8"
    schemas: dict[str, Any] = {}

    def errors(document: Path | bytes, schema: str) -> list[str]:
        if schema not in schemas:
            schemas[schema] = etree.XMLSchema(etree.parse(str(folder / schema)))
        data = document.read_bytes() if isinstance(document, Path) else document
        schemas[schema].validate(etree.fromstring(data))
        return [entry.message for entry in schemas[schema].error_log]

    return errors
