"""One small simulated product for all tests of whole runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.simulation.parameters import SimulationParameters
from tasks.simulation.simulate import simulate_product


@pytest.fixture(scope="session")
def small_product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated Level-1C product, 3.6 km by 3 km, with forest enough for the aerosol retrieval."""
    parameters = SimulationParameters(rows=300, cols=360, height_m=100.0, adjacency_km=1.0)
    return simulate_product(tmp_path_factory.mktemp("simulated"), parameters).product
