"""Many different Level-1C products from one: copies under other sensing days."""

from __future__ import annotations

import os
import shutil
from datetime import date, timedelta
from pathlib import Path

from tasks.simulation.parameters import SimulationParameters
from tasks.simulation.simulate import simulate_product

SMALL = SimulationParameters(rows=120, cols=120, height_m=100.0)
"""1.2 km: the smallest product that can be simulated."""


def smallest_product(folder: Path) -> Path:
    """Simulate the product that is copied."""
    return simulate_product(folder, SMALL).product


def copies(product: Path, folder: Path, count: int, start: int = 1) -> list[Path]:
    """Write ``count`` copies of a product, each of another day: names and metadata say so, the images are links.

    Args:
        start: days between the product and the first copy.
    """
    day = product.name.split("_")[2][:8]
    iso = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    first = date.fromisoformat(iso)
    made = []
    for number in range(count):
        other = first + timedelta(days=start + number)
        short = other.strftime("%Y%m%d")
        target = folder / product.name.replace(day, short)
        for path in sorted(product.rglob("*")):
            copy = target / str(path.relative_to(product)).replace(day, short)
            if path.is_dir():
                copy.mkdir(parents=True, exist_ok=True)
            elif path.suffix in (".xml", ".safe"):
                copy.parent.mkdir(parents=True, exist_ok=True)
                text = path.read_text(encoding="utf-8")
                copy.write_text(text.replace(day, short).replace(iso, other.isoformat()), encoding="utf-8")
            else:
                copy.parent.mkdir(parents=True, exist_ok=True)
                link(path, copy)
        made.append(target)
    return made


def link(source: Path, target: Path) -> None:
    """Make a hard link, or a copy where that is not possible."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
