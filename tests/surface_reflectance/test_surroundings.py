"""Weights of the adjacency correction."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.surface_reflectance.neighbourhood import block_means, describe_surroundings, surroundings_mean

SHAPE = (60, 90)


def test_switched_off() -> None:
    assert describe_surroundings(np.full(SHAPE, 4, np.uint8), 0.0) is None


@pytest.mark.parametrize(("cloud_rows", "corrected"), [(56, True), (58, False), (60, False)])
def test_left_out_when_clouds_are_nearly_everything(cloud_rows: int, corrected: bool) -> None:
    scl = np.full(SHAPE, 5, np.uint8)
    scl[:cloud_rows] = 9
    assert (describe_surroundings(scl, 1.0) is not None) is corrected


def test_clouds_count_with_the_clear_mean() -> None:
    scl = np.full(SHAPE, 4, np.uint8)
    scl[:, 45:] = 8
    dn = np.where(scl == 4, 2000, 9000).astype(np.uint16)
    surroundings = describe_surroundings(scl, 0.3)
    assert surroundings is not None
    means = block_means(dn, surroundings.used, 20)
    assert np.all(means[:, :15] == 2000)
    result = surroundings_mean(means / np.float32(10000), surroundings, surroundings.used_share)
    np.testing.assert_allclose(result, 0.2, rtol=1e-5)


def test_few_clouds_stay() -> None:
    scl = np.full(SHAPE, 4, np.uint8)
    scl[0:3, 0:3] = 9
    surroundings = describe_surroundings(scl, 1.0)
    assert surroundings is not None
    assert surroundings.used.all()
    assert not surroundings.replaced_share.any()


def test_block_means_at_10m_leave_out_unused_and_empty_pixels() -> None:
    used = np.ones((3, 3), np.bool_)
    used[0, 0] = False
    dn = np.full((6, 6), 100, np.uint16)
    dn[:2, :2] = 60000
    dn[5, 5] = 0
    assert block_means(dn, used, 10)[0, 0] == pytest.approx(100.0)


def test_box_is_cut_at_the_border_and_normalised() -> None:
    scl = np.full(SHAPE, 4, np.uint8)
    scl[:, :30] = 0
    surroundings = describe_surroundings(scl, 0.12)  # two blocks either side
    assert surroundings is not None
    y = np.zeros((20, 30), np.float32)
    y[:, 10:] = np.arange(20, dtype=np.float32)
    result = surroundings_mean(y, surroundings, surroundings.used_share)
    assert result[0, 10] == pytest.approx(np.mean([0, 1, 2]), rel=1e-5)
    assert result[5, 20] == pytest.approx(10.0, rel=1e-5)
    assert result[0, 0] == pytest.approx(9.5, rel=1e-5)  # nothing valid within reach: the clear mean


def test_maps_of_60m_are_their_own_blocks() -> None:
    scl = np.full((20, 30), 4, np.uint8)
    scl[:, :10] = 0
    surroundings = describe_surroundings(scl, 0.3, 60)
    assert surroundings is not None
    assert surroundings.half_width == 5
    np.testing.assert_array_equal(surroundings.used_share, (scl == 4).astype(np.float32))
    dn = np.full((20, 30), 1234, np.uint16)
    dn[0, 20] = 0
    means = block_means(dn, surroundings.used, 60)
    assert means[0, 20] == 0
    assert means[5, 5] == 0
    assert means[5, 20] == pytest.approx(1234)
