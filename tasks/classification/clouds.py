"""Classification steps that build the cloud confidence and turn it into classes: 1a, 1b, 6bis and 7."""

from __future__ import annotations

from typing import Final

from tasks.classification.classes import (
    DARK_FEATURES,
    HIGH_PROBA_CLOUDS,
    MEDIUM_PROBA_CLOUDS,
    NOT_CLASSIFIED,
    THIN_CIRRUS,
    UNCLASSIFIED,
)
from tasks.classification.indices import normalised_difference, ramp, ratio
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Scene

DARK_RED_LIMIT: Final = 0.10
DARK_NIR_RANGE: Final = (0.04, 0.15)
RED_TO_SWIR_RAMP: Final = (3.0, 6.0)
CIRRUS_BLUE_LIMIT: Final = 0.50
CIRRUS_HIGHEST_GROUND_M: Final = 1500.0


def step_1a_brightness(scene: Scene, p: ClassificationParameters) -> None:
    """Bright in red looks like cloud; dark in red and near infrared is a dark feature.

    CMC = ramp(B04, T1_B04, T2_B04)^2. Class 2 and CMC = 0 where B04 < 0.10 and 0.04 < B8A < 0.15.

    Source: Sen2Cor 2.8 sources, CSND step 1.1; the dark limits are constants there.
    """
    red, nir = scene.reflectance["B04"], scene.reflectance["B8A"]
    scene.cloud[...] = ramp(red, p.t1_b04, p.t2_b04) ** 2
    dark = (red < DARK_RED_LIMIT) & (nir > DARK_NIR_RANGE[0]) & (nir < DARK_NIR_RANGE[1]) & scene.unclaimed
    scene.assign(DARK_FEATURES, dark)
    scene.clear_cloud(dark)


def step_1b_snow_index(scene: Scene, p: ClassificationParameters) -> None:
    """Brighter in the short-wave infrared than in green is no cloud.

    r = ramp(NDSI, T1_NDSI_CLD, T2_NDSI_CLD) with NDSI = (B03 - B11)/(B03 + B11); CMC *= r. Where r = 0 the pixel is not
    classified again, which also cancels the dark feature of step 1a.

    Source: Sen2Cor 2.8 sources, CSND step 1.2.
    """
    ndsi = normalised_difference(scene.reflectance["B03"], scene.reflectance["B11"])
    rise = ramp(ndsi, p.t1_ndsi_cld, p.t2_ndsi_cld)
    scene.assign(NOT_CLASSIFIED, (rise == 0) & scene.valid)
    scene.cloud *= rise


def step_6bis_red_to_swir(scene: Scene, _p: ClassificationParameters) -> None:
    """A red far above the short-wave infrared is no cloud.

    r = ramp(B04/B11, 3, 6). CMC = 0 where r = 1 on pixels not classified yet; CMC *= 1 - r where 0 < r < 1.

    Source: Sen2Cor 2.8 sources, CSND step 6bis; the limits are constants there.
    """
    rise = ramp(ratio(scene.reflectance["B04"], scene.reflectance["B11"]), *RED_TO_SWIR_RAMP)
    scene.clear_cloud((rise == 1) & scene.unclaimed)
    scene.scale_cloud(1 - rise, (rise > 0) & (rise < 1))


def step_7_clouds(scene: Scene, p: ClassificationParameters) -> None:
    """The cloud confidence becomes a class where no other rule has claimed the pixel.

    T_CLOUD_LP < CMC < T_CLOUD_MP: class 7; T_CLOUD_MP <= CMC < T_CLOUD_HP: class 8; CMC >= T_CLOUD_HP: class 9.

    Source: Sen2Cor 2.8 sources, CSND step 7.
    """
    cloud, free = scene.cloud, scene.unclaimed
    scene.assign(UNCLASSIFIED, (cloud > p.t_cloud_lp) & (cloud < p.t_cloud_mp) & free)
    scene.assign(MEDIUM_PROBA_CLOUDS, (cloud >= p.t_cloud_mp) & (cloud < p.t_cloud_hp) & free)
    scene.assign(HIGH_PROBA_CLOUDS, (cloud >= p.t_cloud_hp) & free)


def step_7_cirrus(scene: Scene, p: ClassificationParameters) -> None:
    """Bright in the cirrus band is cirrus (class 10), very bright is cloud (class 8), over any class with data.

    Class 10 where T1_B10 < B10 < T2_B10, B02 < 0.50 and CMC < T_CLOUD_MP, with an elevation model only below 1500 m;
    class 8 where B10 >= T2_B10 and CMC < T_CLOUD_HP.

    Source: Sen2Cor 2.8 sources, CSND step 7 (cirrus); the blue limit is a constant there.
    """
    blue, cirrus, valid = scene.reflectance["B02"], scene.reflectance["B10"], scene.valid
    thin = (cirrus > p.t1_b10) & (cirrus < p.t2_b10) & (blue < CIRRUS_BLUE_LIMIT) & (scene.cloud < p.t_cloud_mp)
    if scene.ground.height is not None:
        thin &= scene.ground.height < CIRRUS_HIGHEST_GROUND_M
    scene.assign(THIN_CIRRUS, thin & valid)
    scene.assign(MEDIUM_PROBA_CLOUDS, (cirrus >= p.t2_b10) & (scene.cloud < p.t_cloud_hp) & valid)
