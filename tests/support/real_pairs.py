"""Our chain against ESA's Level-2A on real scenes: accuracy A, precision P, uncertainty U of each band.

``python tests/support/real_pairs.py``. Two scenes:

- T29UNU: the half of a Level-2A product over Ireland, put back to the top of the atmosphere with our table, its median
  AOT and its water vapour map (``esa_half``), then AOT, water vapour and surface reflectance are retrieved anew. What
  differs is our retrieval, not the table.
- Barbellino: 24 x 42 pixels of a real Level-1C over a mountain lake, and ESA's Level-2A of the same pixels. It has
  no B8A (B08 stands for it), no angles (the sun from the time, the view of the orbit's middle) and no elevation model:
  ESA has corrected the slopes, this run has not, and its AOT is a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import esa_half
import numpy as np
import rasterio
from numpy.typing import NDArray
from one_band import correct_band

from tasks.aot.parameters import AotParameters
from tasks.aot.retrieval import AotCounts, retrieve
from tasks.common.bands import BANDS
from tasks.radiative_transfer.bands import integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.simulation.solar import solar_position
from tasks.surface_reflectance.coarse import CoarseGrid
from tasks.surface_reflectance.coefficients import band_coefficients
from tasks.surface_reflectance.inversion import Calibration
from tasks.surface_reflectance.neighbourhood import Surroundings, block_means, describe_surroundings
from tasks.surface_reflectance.scene import Scene, build_scene
from tasks.water_vapour.apda import retrieve_columns
from tasks.water_vapour.mapping import LAND_CLASSES, smooth_columns, usable_blocks

DATA: Final = Path(__file__).parents[2].parent / "shared" / "data"
PAIR: Final = DATA / "l1c-l2a-pair-barbellino"
_PAIR_BANDS: Final = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B11", "B12")
_CLEAR: Final = (4, 5, 6)
_MAP_M: Final = 60


@dataclass
class Statistics:
    """A, P and U of a band, over pixels of ESA's classes 4, 5 and 6."""

    bias: float
    precision: float
    uncertainty: float


def scene_at(shape_m: tuple[float, float], sun: tuple[float, float], view: tuple[float, float], height_km: float,
             ozone_du: float, bands: tuple[str, ...]) -> Scene:  # fmt: skip
    """Return a scene of one geometry (zenith and azimuth of sun and view)."""
    responses = default_responses("S2A")
    tables = integrate_bands(load_spectral_table(), {band: responses[band] for band in bands})
    grid = CoarseGrid(*shape_m)
    count = int(np.ceil(max(shape_m) / 5000.0)) + 1
    nodes = np.ones((count, count), np.float32)
    views = np.ones((len(BANDS), count, count), np.float32)
    return build_scene(
        tables, grid, angle_step_m=5000.0,
        sun_zenith=nodes * np.float32(sun[0]), sun_azimuth=nodes * np.float32(sun[1]),
        view_zenith=views * np.float32(view[0]), view_azimuth=views * np.float32(view[1]),
        height_km=np.full(grid.shape, height_km, np.float32), ozone_du=ozone_du,
    )  # fmt: skip


def compare(ours: NDArray[Any], theirs: NDArray[Any], where: NDArray[np.bool_]) -> Statistics:
    """Return mean, standard deviation and root mean square of the differences."""
    error = (ours - theirs)[where].astype(np.float64)
    return Statistics(float(error.mean()), float(error.std()), float(np.sqrt(np.mean(error**2))))


def corrected(
    scene: Scene, band: str, dn: NDArray[np.uint16], scl: NDArray[np.uint8], aot: NDArray[np.float32],
    column: NDArray[np.float32], calibration: Calibration, surroundings: Surroundings | None,
) -> NDArray[np.float32]:  # fmt: skip
    """Return the surface reflectance of one band; ``aot`` and ``column`` at 60 m."""
    everywhere = np.ones(aot.shape, np.bool_)
    nodes = (scene.grid.area_mean(field, everywhere, _MAP_M) for field in (aot, column))
    water = np.round(column * 1000).astype(np.uint16)
    water = np.kron(water, np.ones((scl.shape[0] // water.shape[0],) * 2, np.uint16))
    out = np.zeros(dn.shape, np.uint16)
    coefficients = band_coefficients(scene, band, *nodes)
    correct_band(dn, scl, water, aot, coefficients, scene.grid, calibration, surroundings, out)
    return ((out - 1000.0) / 10000.0).astype(np.float32)


def t29unu(**settings: Any) -> tuple[dict[str, Statistics], str]:
    """Return the comparison on the half of the Irish tile, and a line about AOT and water vapour."""
    half = esa_half.load_esa_half()
    stored = np.load(esa_half.FILE)
    scl = half.scl
    rows, cols = (60 * (n // 1) for n in scl.shape)
    scene = scene_at(
        (float(rows), float(cols)), (esa_half.SUN_ZENITH, esa_half.SUN_AZIMUTH),
        (esa_half.VIEW_ZENITH, esa_half.VIEW_AZIMUTH), esa_half.HEIGHT_KM, esa_half.OZONE_DU, esa_half.BANDS,
    )  # fmt: skip
    calibration = Calibration(-1000.0, 10000.0)
    names = ("B02", "B03", "B04", "B8A", "B11", "B12")
    counts = AotCounts(
        {band: half.numbers[band] for band in names}, half.numbers["B09"], dict.fromkeys((*names, "B09"), calibration)
    )
    found = retrieve(scene, counts, scl, AotParameters(adj_km=0.0, map_resolution=60, **settings), 1.0)
    aot = np.clip(found.aot550, 0.01, 1.5).astype(np.float32)
    toa = {band: (half.numbers[band] - np.float32(1000)) / np.float32(10000) for band in ("B8A", "B09")}
    usable = usable_blocks(scl, LAND_CLASSES, half.numbers["B09"])
    nodes = scene.grid.area_mean(aot, scl != 0, 60)
    column, valid = retrieve_columns(scene, toa["B8A"], toa["B09"], usable, nodes, 1.0)
    column = smooth_columns(column, valid, float(column[valid].mean()), 100.0)
    clear = np.isin(scl, _CLEAR)
    result = {}
    for band in esa_half.BANDS:
        ours = corrected(scene, band, half.numbers[band], scl, aot, column, calibration, None)
        result[band] = compare(ours, (stored[band] - 1000.0) / 10000.0, clear)
    land = clear & valid
    water_error = (column - stored["WVP"] / 1000.0)[land]
    line = (
        f"AOT {float(aot[clear].mean()):.4f} by {found.method} (ESA {float(stored['AOT'][clear].mean()) / 1000:.4f}); "
        f"water vapour {float(water_error.mean()):+.3f} cm, U {float(np.sqrt(np.mean(water_error**2))):.3f} cm"
    )
    return result, line


def barbellino() -> tuple[dict[str, Statistics], str]:
    """Return the comparison on the pixels round the lake, and a line about AOT and water vapour."""
    with rasterio.open(PAIR / "S2A1C_20170703_022_Barbellino_TOA_10.tif") as source:
        names = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12")
        dn = dict(zip(names, source.read().astype(np.uint16), strict=True))
    with rasterio.open(PAIR / "S2A2A_20170703_022_Barbellino_BOA_10.tif") as source:
        boa = dict(zip(_PAIR_BANDS, source.read() / 10000.0, strict=True))
    with rasterio.open(PAIR / "S2A2A_20170703_022_Barbellino_SCL_10.tif") as source:
        scl = source.read(1).astype(np.uint8)
    rows, cols = (n - n % 3 for n in dn["B02"].shape)
    dn = {band: values[:rows, :cols] for band, values in dn.items()}
    scl = scl if scl.shape[0] >= rows else np.kron(scl, np.ones((2, 2), np.uint8))
    scl = np.ascontiguousarray(scl[:rows, :cols])
    zenith, azimuth = solar_position(datetime(2017, 7, 3, 10, 10, 20, tzinfo=UTC), 46.04, 10.1)
    # The chain takes all bands at 20 m: the pixels are called so. Their size matters for the adjacency alone, whose box
    # is wider than the pair.
    place = ((rows * 20.0, cols * 20.0), (float(zenith), float(azimuth)), (5.0, 290.0), 2.0, 331.0)
    scene = scene_at(*place, _PAIR_BANDS)
    calibration = Calibration(0.0, 10000.0)
    aot = np.full((rows // 3, cols // 3), _ALPINE_AOT, np.float32)
    everywhere = np.ones(scl.shape, np.bool_)
    at_60m = {band: block_means(dn[band], everywhere, 20) * np.float32(1e-4) for band in ("B08", "B09")}
    usable = usable_blocks(scl, LAND_CLASSES, at_60m["B09"] > 0)
    nodes = np.full(scene.grid.shape, _ALPINE_AOT, np.float32)
    window = scene_at(*place, ("B8A", "B09"))
    column, valid = retrieve_columns(window, at_60m["B08"], at_60m["B09"], usable, nodes, 1.0)
    mean = float(np.median(column[valid]))
    column = np.full_like(column, mean)
    around = describe_surroundings(scl, 1.0)
    where = np.isin(scl, _CLEAR)
    result = {}
    for band in _PAIR_BANDS:
        ours = corrected(scene, band, dn[band], scl, aot, column, calibration, around)
        result[band] = compare(ours, boa[band][:rows, :cols], where)
    return result, f"AOT {_ALPINE_AOT} (assumed), water vapour {mean:.2f} cm, sun zenith {float(zenith):.1f} degrees"


_ALPINE_AOT: Final = 0.06
"""The pair says nothing about its AOT: usual for clean summer air at 2 km."""


def show(title: str, result: dict[str, Statistics], line: str) -> None:
    print(f"{title}: {line}")
    for band, s in result.items():
        print(f"  {band}  A {s.bias:+.4f}  P {s.precision:.4f}  U {s.uncertainty:.4f}")


if __name__ == "__main__":
    show("T29UNU", *t29unu())
    show("T29UNU, several bands", *t29unu(aot_inversion="MULTIBAND"))
    show("Barbellino", *barbellino())
