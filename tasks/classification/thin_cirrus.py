"""Thin cirrus of the default mode: told by B10 above what the ground can show there, and by what lies below it.

Cirrus brightens every band, so that bright ground below it passes for an opaque cloud. Here its own light is taken away
before that question is asked.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tasks.classification import clouds
from tasks.classification.classes import HIGH_PROBA_CLOUDS, MEDIUM_PROBA_CLOUDS, SNOW_ICE, THIN_CIRRUS
from tasks.classification.evolution import above_ground_in_b10, bright_ground
from tasks.classification.indices import FloatArray
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import BoolArray, Scene
from tasks.classification.spectral import FIRST_STEPS, GROUND_AND_CLOUD_STEPS

SHARE_OF_B10: Final = {
    "B01": 1.0, "B02": 1.0, "B03": 1.0, "B04": 1.0, "B05": 1.0, "B8A": 1.0, "B10": 1.0, "B11": 0.5, "B12": 0.5,
}  # fmt: skip
"""The least reflectance that cirrus adds to a band, per reflectance in B10."""

_BELOW: Final = (*FIRST_STEPS, *GROUND_AND_CLOUD_STEPS, bright_ground)
"""The steps that find clouds and bright ground in the spectrum of one pixel."""


def cirrus_over_terrain(scene: Scene, p: ClassificationParameters) -> None:
    """Step 7 for cirrus with limits that know height, dryness and the ground, in place of the cut at 1500 m.

    As ``clouds.step_7_cirrus``, with T1_B10 raised by the height of the ground and by what B11 of the ground would show
    in B10. Class 8 from T2_B10 on needs B10 above that same limit. A pixel with CMC >= T_CLOUD_MP is class 10 all the
    same when ``without_cirrus`` finds no opaque cloud in it; it gets the CMC found there.

    Source: Sen2Cor 2.8 sources, CSND step 7, limits after the physics of the band (``evolution.DRYNESS_B10``); the
    classic rule finds no cirrus at all above 1500 m.
    """
    cirrus = scene.reflectance["B10"]
    above = above_ground_in_b10(scene, p, scene.reflectance["B11"]) & scene.valid & ~scene.where(SNOW_ICE)
    thin = above & (cirrus < p.t2_b10) & (scene.reflectance["B02"] < clouds.CIRRUS_BLUE_LIMIT)
    bright = thin & (scene.cloud >= p.t_cloud_mp)
    thin &= ~bright
    if bright.any():
        opaque, cloud = without_cirrus(scene, bright, p)
        thin[bright] = ~opaque
        scene.cloud[bright] = np.where(opaque, scene.cloud[bright], cloud)
    scene.assign(THIN_CIRRUS, thin)
    scene.assign(MEDIUM_PROBA_CLOUDS, above & (cirrus >= p.t2_b10) & (scene.cloud < p.t_cloud_hp))


def without_cirrus(scene: Scene, mask: BoolArray, p: ClassificationParameters) -> tuple[BoolArray, FloatArray]:
    """Return where the pixels of ``mask`` are opaque cloud without their cirrus, and their cloud confidence then.

    Each band loses its share of B10 (``SHARE_OF_B10``). Vapour above the cirrus takes light from B10 alone, so up to
    the near infrared cirrus adds at least what B10 shows: the transmittance of that vapour, which is 0.6 to 1, is taken
    as 1 and too little is removed rather than too much. Ice absorbs beyond 1.5 um; half is removed there.

    Returns:
        Two arrays ``[n]`` in the order of ``mask``: opaque cloud (class 8 or 9), and CMC 0..1.

    Source: Gao et al. 1998 (doi 10.1029/98JD02006); Richter et al. 2011 (doi 10.1080/01431161.2010.490561); Sen2Cor 3
    sources, AtmCorr (half the amplitude beyond 1.5 um).
    """
    cirrus = scene.reflectance["B10"][mask]
    left = {
        band: np.maximum(scene.reflectance[band][mask] - np.float32(share) * cirrus, np.float32(0))[np.newaxis]
        for band, share in SHARE_OF_B10.items()
    }
    below = Scene.unclassified(left, np.zeros((1, cirrus.size), np.bool_))
    for step in _BELOW:
        step(below, p)
    return below.among(MEDIUM_PROBA_CLOUDS, HIGH_PROBA_CLOUDS)[0], below.cloud[0]
