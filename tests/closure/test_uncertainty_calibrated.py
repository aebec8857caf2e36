"""End to end: in noisy scenes 68 % of the true surface reflectances lie within one standard deviation, in every band.

The scenes, the errors that are drawn, and why each scene serves a thousand draws: ``uncertain_scenes``. About eight
minutes of CPU: ``make uncertainty-test``; ``python tests/support/uncertain_scenes.py`` prints the figures.
"""

from __future__ import annotations

import numpy as np
import pytest
from uncertain_scenes import BANDS, Linearised, coverages, linearised_scenes

pytestmark = pytest.mark.slow
CORRECTED = tuple(band for band in BANDS if band != "B10")


@pytest.fixture(scope="module")
def scenes() -> list[Linearised]:
    return linearised_scenes()


@pytest.mark.parametrize("band", CORRECTED)
def test_two_thirds_within_one_standard_deviation(scenes: list[Linearised], band: str) -> None:
    shares = coverages(scenes, band)
    print(f"{band} {100 * shares.mean():.1f} +- {100 * shares.std(ddof=1) / np.sqrt(shares.size):.1f} %")
    assert shares.mean() == pytest.approx(0.683, abs=0.04)


@pytest.mark.parametrize("band", CORRECTED)
def test_the_sampling_spread_is_small_against_the_limit(scenes: list[Linearised], band: str) -> None:
    """One standard deviation of the mean over the scenes."""
    shares = coverages(scenes, band)
    assert shares.std(ddof=1) / np.sqrt(shares.size) <= 0.02


@pytest.mark.parametrize("band", CORRECTED)
def test_errors_add_up(scenes: list[Linearised], band: str) -> None:
    """What all errors at once leave beyond the sum of each alone, in standard deviations.

    In one scene the errors drawn move a decision of the AOT retrieval (a limit of the vegetation, a check), which no
    sum of small errors can tell.
    """
    beyond = [
        np.sqrt(np.mean(np.square((s.predicted(band) - s.direct.error[band]) / s.found.sigma[band]))) for s in scenes
    ]
    assert sum(size > 0.15 for size in beyond) <= 1
