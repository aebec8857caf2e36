"""Every step of the classification by values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.classification import clouds, recoveries, snow, surfaces
from tasks.classification.indices import normalised_difference, ramp, ratio
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.scene import Scene

P = ClassificationParameters()
OPEN = 100
NOT_SNOW = 50


def scene(cloud: float | list[float] = 0.0, classes: int | list[int] = OPEN, snow_confidence: float = 0.0, **bands):
    """Return a scene of one row; bands not given are 0.1."""
    given = {name: np.atleast_1d(np.array(value, np.float32)) for name, value in bands.items()}
    shape = np.broadcast_shapes(*(v.shape for v in given.values()), np.shape(cloud) or (1,), np.shape(classes) or (1,))
    names = ("B02", "B03", "B04", "B05", "B8A", "B10", "B11", "B12")
    row = (1, *shape)
    reflectance = {n: np.broadcast_to(given.get(n, np.float32(0.1)), row).astype(np.float32) for n in names}
    return Scene(
        reflectance,
        np.broadcast_to(np.array(classes, np.uint8), row).copy(),
        np.broadcast_to(np.array(cloud, np.float32), row).copy(),
        np.full(row, snow_confidence, np.float32),
    )


def outcome(s: Scene) -> tuple[list[int], list[float]]:
    return s.classes[0].tolist(), pytest.approx(s.cloud[0].tolist(), abs=2e-6)


def test_ramp_is_exact_at_both_ends() -> None:
    values = np.array([-1.0, -0.24, -0.20, -0.16, 3.0], np.float32)
    assert ramp(values, -0.24, -0.16).tolist() == pytest.approx([0, 0, 0.5, 1, 1], abs=1e-6)
    assert ramp(values, -0.24, -0.16)[[1, 3]].tolist() == [0.0, 1.0]
    assert ramp(values, -0.24, -0.16).dtype == np.float32


def test_ratios_are_guarded_against_zero() -> None:
    one, zero = np.array([0.5], np.float32), np.zeros(1, np.float32)
    assert ratio(one, zero)[0] == pytest.approx(5e5)
    assert normalised_difference(zero, zero)[0] == 0.0
    assert normalised_difference(np.array([0.3], np.float32), np.array([0.1], np.float32))[0] == pytest.approx(0.5)


class TestClouds:
    def test_1a_confidence_is_the_square_of_the_red_ramp(self) -> None:
        s = scene(B04=[0.05, 0.06, 0.155, 0.25, 0.40], B8A=0.5)
        clouds.step_1a_brightness(s, P)
        assert outcome(s) == ([OPEN] * 5, [0, 0, 0.25, 1, 1])

    def test_1a_dark_features_lie_strictly_between_the_limits(self) -> None:
        s = scene(B04=[0.09, 0.09, 0.09, 0.10, 0.09], B8A=[0.10, 0.04, 0.15, 0.10, 0.10], classes=[OPEN] * 4 + [0])
        clouds.step_1a_brightness(s, P)
        rising = ((0.09 - 0.06) / 0.19) ** 2
        assert s.classes[0].tolist() == [2, OPEN, OPEN, OPEN, 0]
        assert s.cloud[0, :4].tolist() == pytest.approx([0, rising, rising, (0.04 / 0.19) ** 2], abs=1e-6)

    def test_1b_half_way_up_the_ramp_halves_the_confidence(self) -> None:
        s = scene(cloud=[0.8, 0.8, 0.8], B03=[0.4, 0.5, 0.3], B11=[0.6, 0.5, 0.7])
        clouds.step_1b_snow_index(s, P)
        assert outcome(s) == ([OPEN] * 3, [0.4, 0.8, 0.0])

    def test_1b_cancels_dark_features_but_not_no_data(self) -> None:
        s = scene(classes=[2, 2, 0], B03=[0.05, 0.10, 0.05], B11=0.10)
        clouds.step_1b_snow_index(s, P)
        assert s.classes[0].tolist() == [OPEN, 2, 0]

    def test_6bis_half_way_up_the_ramp_halves_the_confidence(self) -> None:
        s = scene(cloud=0.8, B04=[0.3, 0.45, 0.6, 0.6], B11=0.1, classes=[OPEN, OPEN, OPEN, 8])
        clouds.step_6bis_red_to_swir(s, P)
        assert s.cloud[0].tolist() == pytest.approx([0.8, 0.4, 0.0, 0.8], abs=1e-6)

    def test_7_confidence_becomes_a_class(self) -> None:
        s = scene(cloud=[0.0, 0.1, 0.2, 0.79, 0.8, 1.0, 1.0])
        s.classes[0, 6] = 4
        clouds.step_7_clouds(s, P)
        assert s.classes[0].tolist() == [OPEN, 7, 8, 8, 9, 9, 4]

    @pytest.mark.parametrize(
        ("before", "b10", "b02", "cloud", "after"),
        [
            (4, 0.020, 0.10, 0.10, 10),
            (11, 0.020, 0.45, 0.00, 10),
            (4, 0.012, 0.10, 0.10, 4),
            (4, 0.020, 0.50, 0.10, 4),
            (8, 0.020, 0.10, 0.20, 8),
            (4, 0.035, 0.60, 0.10, 8),
            (11, 0.040, 0.70, 0.00, 8),
            (9, 0.040, 0.70, 0.80, 9),
            (0, 0.020, 0.10, 0.10, 0),
            (0, 0.040, 0.10, 0.10, 0),
        ],
    )
    def test_7_cirrus(self, before: int, b10: float, b02: float, cloud: float, after: int) -> None:
        s = scene(cloud=cloud, classes=before, B10=b10, B02=b02)
        clouds.step_7_cirrus(s, P)
        assert s.classes[0, 0] == after


class TestSnow:
    def test_2_1_only_what_looks_like_cloud_can_be_snow(self) -> None:
        s = scene(cloud=[0.5, 0.0, 0.5, 0.5], B03=[0.285, 0.285, 0.30, 0.10], B11=[0.115, 0.115, 0.10, 0.10])
        snow.step_2_1_snow_index(s, P)
        assert s.snow[0].tolist() == pytest.approx([0.5, 0, 1, 0], abs=1e-5)
        assert s.classes[0].tolist() == [OPEN, NOT_SNOW, OPEN, NOT_SNOW]

    def test_2_1bis_vegetation_red_edge_is_not_snow(self) -> None:
        s = scene(snow_confidence=0.7, B05=[0.42, 0.43], B8A=0.5, classes=[OPEN, OPEN])
        snow.step_2_1bis_red_edge(s, P)
        assert s.snow[0].tolist() == pytest.approx([0, 0.7])
        assert s.classes[0].tolist() == [NOT_SNOW, OPEN]

    @pytest.mark.parametrize(
        ("step", "bands"),
        [
            (snow.step_2_2_near_infrared, {"B8A": [0.15, 0.25, 0.35]}),
            (snow.step_2_3_blue, {"B02": [0.18, 0.20, 0.22]}),
            (snow.step_2_4_blue_to_red, {"B02": [0.34, 0.36, 0.38], "B04": 0.4}),
        ],
    )
    def test_filters_multiply(self, step, bands) -> None:
        s = scene(snow_confidence=0.6, **bands)
        step(s, P)
        assert s.snow[0].tolist() == pytest.approx([0, 0.3, 0.6], abs=1e-5)
        assert s.classes[0].tolist()[1:] == [OPEN, OPEN]

    def test_2_2_marks_what_it_rules_out(self) -> None:
        s = scene(snow_confidence=0.6, B8A=[0.1, 0.1], classes=[OPEN, 2])
        snow.step_2_2_near_infrared(s, P)
        assert s.classes[0].tolist() == [NOT_SNOW, 2]

    def test_2_5_ring_is_a_diamond_of_three_pixels(self) -> None:
        shape = (9, 11)
        reflectance = {"B12": np.full(shape, 0.1, np.float32)}
        reflectance["B12"][4, 6] = 0.3
        s = Scene(reflectance, np.full(shape, OPEN, np.uint8), np.ones(shape, np.float32), np.zeros(shape, np.float32))
        s.snow[4, 5] = 0.121
        s.snow[0, 0] = 0.119
        s.classes[7, 5] = NOT_SNOW
        s.classes[4, 4] = 0
        snow.step_2_5_snow_and_ring(s, P)
        rows, cols = np.indices(shape)
        diamond = np.abs(rows - 4) + np.abs(cols - 5) <= 3
        diamond[4, 6] = False  # bright at 2.2 um: may still be cloud
        assert diamond.sum() == 24
        np.testing.assert_array_equal(s.cloud == 0, diamond)
        assert s.classes[4, 5] == 11
        assert s.classes[7, 5] == OPEN
        assert s.classes[4, 4] == 0
        assert (s.classes == 11).sum() == 1


class TestSurfaces:
    def test_3_vegetation(self) -> None:
        s = scene(
            cloud=0.6,
            B02=[0.10, 0.20, 0.10, 0.10],
            B8A=[0.50, 0.50, 0.695, 0.50],
            B04=[0.20, 0.20, 0.305, 0.40],
        )
        surfaces.step_3_vegetation(s, P)
        assert outcome(s) == ([4, OPEN, OPEN, OPEN], [0.6, 0.6, 0.3, 0.6])

    def test_5_1_soil(self) -> None:
        s = scene(cloud=0.6, B02=[0.10, 0.085, 0.30, 0.14], B11=[0.20, 0.10, 0.50, 0.10])
        surfaces.step_5_1_soil(s, P)
        assert outcome(s) == ([5, OPEN, OPEN, OPEN], [0, 0.3, 0.6, 0.6])

    def test_5_1_limit_follows_its_line(self) -> None:
        """At R = 0.6 the line is at 0.22; at R = 0.1 it is cut at 0.32."""
        s = scene(cloud=0.6, B02=[0.219, 0.221, 0.09], B11=[0.219 / 0.6, 0.221 / 0.6, 0.9])
        surfaces.step_5_1_soil(s, P)
        assert s.classes[0].tolist() == [5, OPEN, 5]

    def test_5_2_half_way_between_the_ratios_halves_the_confidence(self) -> None:
        """R = 3; a second pixel at R = 2 keeps its confidence, whatever the class."""
        s = scene(
            cloud=0.6,
            classes=[OPEN, 4, OPEN],
            B02=[0.15, 0.15, 0.10],
            B11=[0.05, 0.05, 0.05],
            B12=0.03,
            B8A=0.05,
            B04=[0.12, 0.12, 0.09],
        )
        surfaces.step_5_2_water(s, P)
        assert outcome(s) == ([OPEN, 4, OPEN], [0.3, 0.3, 0.6])

    @pytest.mark.parametrize(
        ("bands", "water"),
        [
            ({"B02": 0.10, "B11": 0.02, "B12": 0.01, "B04": 0.08, "B8A": 0.05}, True),
            ({"B02": 0.10, "B11": 0.02, "B12": 0.22, "B04": 0.08, "B8A": 0.05}, False),
            ({"B02": 0.10, "B11": 0.02, "B12": 0.01, "B04": 0.08, "B8A": 0.08}, False),
            ({"B02": 0.12, "B11": 0.10, "B12": 0.50, "B04": 0.085, "B8A": 0.05}, True),
            ({"B02": 0.12, "B11": 0.10, "B12": 0.50, "B04": 0.087, "B8A": 0.05}, False),
            ({"B02": 0.20, "B11": 0.02, "B12": 0.01, "B04": 0.08, "B8A": 0.05}, False),
        ],
    )
    def test_5_2_water(self, bands: dict[str, float], water: bool) -> None:
        s = scene(cloud=0.6, **bands)
        surfaces.step_5_2_water(s, P)
        assert outcome(s) == (([6], [0.0]) if water else ([OPEN], [0.6]))

    def test_6_rock_and_sand(self) -> None:
        """R = 0.75 limits blue at 0.2875; R = 1 halves; blue at 0.83 of B11 is not sand."""
        s = scene(cloud=0.6, B8A=[0.30, 0.30, 0.30, 0.20], B11=[0.40, 0.40, 0.30, 0.24], B02=[0.28, 0.29, 0.20, 0.20])
        surfaces.step_6_rock_and_sand(s, P)
        assert outcome(s) == ([5, OPEN, OPEN, OPEN], [0, 0.6, 0.3, 0.6])


class TestRecoveries:
    def test_dark_vegetation(self) -> None:
        s = scene(
            classes=[2, OPEN, 2, 2, 7], B8A=[0.13, 0.13, 0.13, 0.10, 0.13], B04=[0.05, 0.05, 0.09, 0.09, 0.05], B03=0.05
        )
        recoveries.recover_dark_vegetation(s, P)
        assert s.classes[0].tolist() == [4, 4, 4, 2, 7]

    def test_water(self) -> None:
        s = scene(classes=[2, OPEN, OPEN, 2, 7], B02=0.41, B11=0.1, B04=0.5, B8A=[0.4, 0.29, 0.31, 0.5, 0.1])
        recoveries.recover_water(s, P)
        assert s.classes[0].tolist() == [6, 6, OPEN, 2, 7]

    def test_snow_grows_three_pixels_where_green_exceeds_infrared(self) -> None:
        s = scene(classes=[11, OPEN, OPEN, OPEN, OPEN, 7], B03=[0.5, 0.2, 0.1, 0.2, 0.2, 0.2], B11=0.1)
        recoveries.recover_snow(s, P)
        assert s.classes[0].tolist() == [11, 11, OPEN, 11, OPEN, 7]

    def test_soil(self) -> None:
        s = scene(classes=[2, 2, OPEN], B02=[0.064, 0.066, 0.05], B11=0.1)
        recoveries.recover_soil(s, P)
        assert s.classes[0].tolist() == [5, 2, OPEN]

    def test_what_nothing_claimed_is_unclassified(self) -> None:
        s = scene(classes=[OPEN, 0, 4])
        recoveries.close_unclassified(s, P)
        assert s.classes[0].tolist() == [7, 0, 4]


class TestParameters:
    def test_defaults_are_within_the_schema_of_the_gipp(self) -> None:
        assert ClassificationParameters(t1_b10="0.012").t1_b10 == 0.012  # GIPP values arrive as text
        assert (P.t_cloud_lp, P.t_cloud_mp, P.t_cloud_hp, P.median_filter) == (0.0, 0.2, 0.8, 0)

    @pytest.mark.parametrize(
        "bad", [{"t1_b04": 0.3}, {"t2_b10": 11.0}, {"t_cloud_mp": 0.9}, {"median_filter": 11}, {"t3_b04": 0.1}]
    )
    def test_thresholds_that_cannot_be_used_are_refused(self, bad: dict[str, float]) -> None:
        with pytest.raises(ValueError, match=r"."):
            ClassificationParameters(**bad)
