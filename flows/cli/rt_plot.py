"""Picture of ``sen2flow rt``: transmittances and path reflectance per band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tasks.common.bands import BANDS
from tasks.common.errors import InvalidInput

_PANELS: Final[tuple[tuple[str, str], ...]] = (
    ("gas_transmittance", "gas transmittance"),
    ("transmittance_down", "sun to ground"),
    ("transmittance_up", "ground to sensor"),
    ("path_reflectance", "path reflectance"),
)


def draw(path: Path, bands: Sequence[str], results: Mapping[str, NDArray[np.float32]]) -> None:
    """Draw every point as a dot and the median of each band as a line.

    Raises:
        InvalidInput: the file cannot be written.
    """
    present = [band for band in BANDS if band in bands]
    place = np.array([present.index(band) for band in bands])
    figure = Figure(figsize=(9, 7), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (name, title) in zip(figure.subplots(2, 2, sharex=True).flat, _PANELS, strict=True):
        values = results[name]
        axes.plot(place, values, ".", alpha=0.4, color="tab:blue")
        axes.plot([np.nanmedian(values[place == index]) for index in range(len(present))], color="tab:orange")
        axes.set_title(title)
        axes.set_ylim(bottom=0.0, top=None if name == "path_reflectance" else 1.05)
        axes.set_xticks(range(len(present)), present)
        axes.grid(alpha=0.3)
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path}: cannot be written ({error})") from error
