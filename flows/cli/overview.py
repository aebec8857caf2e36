"""One picture of a run: natural colour before and after, classes, aerosol and water vapour."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from tasks.common.aside import written_aside
from tasks.common.errors import InvalidInput, TransientIO

SCENE_CLASSES: Final[dict[int, tuple[str, str]]] = {
    0: ("No data", "#000000"),
    1: ("Saturated or defective", "#ff0000"),
    2: ("Dark features, shadows", "#2f2f2f"),
    3: ("Cloud shadows", "#643200"),
    4: ("Vegetation", "#00a000"),
    5: ("Not vegetated", "#ffe65a"),
    6: ("Water", "#0000ff"),
    7: ("Unclassified", "#808080"),
    8: ("Cloud, medium probability", "#c0c0c0"),
    9: ("Cloud, high probability", "#ffffff"),
    10: ("Thin cirrus", "#64c8ff"),
    11: ("Snow or ice", "#ff96ff"),
}
"""Name and colour of each class, the colours of the Sen2Cor products' legend."""

Part = tuple[float, float, float, float]
"""Part of an image as shares of its height and width: first and last row, first and last column."""

_WHOLE: Final[Part] = (0.0, 1.0, 0.0, 1.0)
_LARGEST_EDGE: Final = 1200
_WATER_VAPOUR_SCALE = _AOT_SCALE = 1000.0


def write_overview(l1c_product: Path, l2a_product: Path, png: Path) -> None:
    """Write the picture of one processed product.

    Shows, where there are data, the Level-1C and Level-2A natural-colour images with the same stretch, the scene
    classification with the share of each class (of the pixels with data), aerosol optical thickness and water vapour.
    Images are read at up to 1200 pixels an edge; the class shares come from all pixels.

    Args:
        l1c_product: SAFE folder.
        l2a_product: SAFE folder made from it, with 20 m images.
        png: file to write; replaced when it exists.

    Raises:
        InvalidInput: an image of a product is missing or cannot be read.
        TransientIO: the picture cannot be written.
    """
    folder = "GRANULE/*/IMG_DATA/R20m/*"
    classes = _read(_only(l2a_product, f"{folder}_SCL_20m.jp2"), _WHOLE, full=True)[0]
    part = valid_part(classes)
    before = _colours(_only(l1c_product, "GRANULE/*/IMG_DATA/*_TCI.jp2"), part)
    after = _colours(_first_of(l2a_product, "GRANULE/*/IMG_DATA/R{0}m/*_TCI_{0}m.jp2", (10, 20, 60)), part)
    aot = _read(_only(l2a_product, f"{folder}_AOT_20m.jp2"), part)[0]
    vapour = _read(_only(l2a_product, f"{folder}_WVP_20m.jp2"), part)[0]
    rows, cols = (slice(int(a * n), int(b * n)) for a, b, n in zip(part[::2], part[1::2], classes.shape, strict=True))
    classes = classes[rows, cols]

    figure = Figure(figsize=(17.5, 11.2), layout="constrained", facecolor="white")
    grid = figure.subplots(2, 3)
    figure.suptitle(l2a_product.name, fontsize=13)
    _picture(grid[0, 0], before, "Level-1C (top of atmosphere)")
    _picture(grid[0, 1], after, "Level-2A (surface)")
    _classes(grid[0, 2], classes)
    _legend(grid[1, 2], classes)
    _map(figure, grid[1, 0], aot, _AOT_SCALE, "Aerosol optical thickness at 550 nm", "viridis", "AOT")
    _map(figure, grid[1, 1], vapour, _WATER_VAPOUR_SCALE, "Water vapour column", "YlGnBu", "cm")
    _save(figure, png)


def _only(product: Path, pattern: str) -> Path:
    """Return the first file of a pattern.

    Raises:
        InvalidInput: the product has none.
    """
    found = sorted(product.glob(pattern))
    if not found:
        raise InvalidInput(f"{product}: no file {pattern}")
    return found[0]


def _first_of(product: Path, pattern: str, resolutions: tuple[int, ...]) -> Path:
    for resolution in resolutions:
        found = sorted(product.glob(pattern.format(resolution)))
        if found:
            return found[0]
    raise InvalidInput(f"{product}: no file {pattern.format(resolutions[0])} at any resolution")


def valid_part(classes: NDArray[np.uint8]) -> Part:
    """Return the smallest part of the image that holds all pixels with data; all of it where there are none."""
    edges = []
    for axis in (1, 0):
        found = np.flatnonzero((classes != 0).any(axis=axis))
        if not found.size:
            return _WHOLE
        size = classes.shape[1 - axis]
        edges += [float(found[0]) / size, float(found[-1] + 1) / size]
    return edges[0], edges[1], edges[2], edges[3]


def _read(path: Path, part: Part, *, full: bool = False) -> NDArray[Any]:
    """Return a part of the image ``[band, y, x]``, thinned to at most 1200 pixels an edge unless ``full``."""
    try:
        with rasterio.open(path) as source:
            top, bottom = round(part[0] * source.height), round(part[1] * source.height)
            left, right = round(part[2] * source.width), round(part[3] * source.width)
            scale = 1.0 if full else max(1.0, max(bottom - top, right - left) / _LARGEST_EDGE)
            shape = (source.count, max(1, round((bottom - top) / scale)), max(1, round((right - left) / scale)))
            window = Window(left, top, right - left, bottom - top)
            image: NDArray[Any] = source.read(window=window, out_shape=shape, resampling=Resampling.nearest)
    except RasterioError as error:
        raise InvalidInput(f"{path}: the image cannot be read: {error}") from error
    return image


def _colours(path: Path, part: Part) -> NDArray[np.uint8]:
    image = _read(path, part)
    if len(image) != 3:
        raise InvalidInput(f"{path}: expected three components, found {len(image)}")
    return np.moveaxis(image, 0, -1)


def _picture(axes: Axes, image: NDArray[np.uint8], title: str) -> None:
    axes.imshow(image, interpolation="nearest")
    axes.set_title(f"{title}: B04, B03, B02 to reflectance 0.25", fontsize=10)
    _frame(axes)


def _frame(axes: Axes) -> None:
    """Leave the frame, which bounds white clouds at the edge, and take the ticks away."""
    axes.set_xticks([])
    axes.set_yticks([])


def _classes(axes: Axes, classes: NDArray[np.uint8]) -> None:
    colours = ListedColormap([colour for _, colour in SCENE_CLASSES.values()])
    limits = BoundaryNorm(np.arange(len(SCENE_CLASSES) + 1) - 0.5, len(SCENE_CLASSES))
    step = max(1, int(np.ceil(max(classes.shape) / _LARGEST_EDGE)))
    axes.imshow(classes[::step, ::step], cmap=colours, norm=limits, interpolation="nearest")
    axes.set_title("Scene classification", fontsize=10)
    _frame(axes)


def class_percentages(classes: NDArray[np.uint8]) -> dict[int, float]:
    """Return the share of each class 1..11 among the pixels with data [%]; all 0 where there are none."""
    counts = np.bincount(classes.ravel(), minlength=len(SCENE_CLASSES))
    total = max(1, int(counts[1:].sum()))
    return {value: 100.0 * float(counts[value]) / total for value in SCENE_CLASSES if value}


def _legend(axes: Axes, classes: NDArray[np.uint8]) -> None:
    handles = [
        Patch(
            facecolor=SCENE_CLASSES[value][1],
            edgecolor="black",
            linewidth=0.5,
            label=f"{share:6.2f} %   {value} {SCENE_CLASSES[value][0]}",
        )
        for value, share in class_percentages(classes).items()
    ]
    axes.set_axis_off()
    axes.legend(
        handles=handles,
        loc="upper left",
        frameon=False,
        title="Share of the pixels with data",
        alignment="left",
        prop={"family": "monospace", "size": 10},
    )


def _map(figure: Figure, axes: Axes, dn: NDArray[np.uint16], scale: float, title: str, colours: str, unit: str) -> None:
    values = np.ma.masked_equal(dn, 0) / scale
    _frame(axes)
    if values.count() == 0:
        axes.set_title(f"{title}: no data", fontsize=10)
        return
    valid = values.compressed()
    low, high = np.percentile(valid, (1.0, 99.0))
    margin = max(0.02 * float(high), 0.01)
    drawn = axes.imshow(values, cmap=colours, vmin=max(0.0, low - margin), vmax=high + margin, interpolation="nearest")
    axes.set_title(f"{title}: mean {valid.mean():.3f}", fontsize=10)
    figure.colorbar(drawn, ax=axes, shrink=0.8, label=unit)


def _save(figure: Figure, png: Path) -> None:
    """Write the picture under a temporary name and rename it."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", metadata={"Software": "sen2flow"})
    try:
        png.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(png) as unfinished:
            unfinished.write_bytes(buffer.getvalue())
    except OSError as error:
        raise TransientIO(f"{png}: the picture could not be written: {error}") from error
