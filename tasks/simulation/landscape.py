"""Lays out a land-cover pattern: fields, forests, a town, lakes and a coast, the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.simulation.spectra import Cover

_PIXEL_M: Final = 10.0
_FIELD_M: Final = (420.0, 260.0)
_FIELD_ROTATION_DEG: Final = 17.0
_BEACH_M: Final = 90.0
_TURBID_M: Final = 1200.0
_COAST_AT: Final = 0.78
_FIELD_COVERS: Final = (
    (0.34, Cover.CROP_DENSE),
    (0.56, Cover.CROP_SPARSE),
    (0.72, Cover.SOIL_DARK),
    (0.86, Cover.SOIL_BRIGHT),
    (1.00, Cover.DRY_GRASS),
)


@dataclass(frozen=True, eq=False)
class Landscape:
    """A scene's surface at 10 m.

    Attributes:
        cover: ``[y, x]`` uint8, values of ``Cover``.
        brightness, slope: ``[y, x]`` float32, deviates of the spectra, about standard normal.
    """

    cover: NDArray[np.uint8]
    brightness: NDArray[np.float32]
    slope: NDArray[np.float32]


def correlated_noise(shape: tuple[int, int], length_px: float, seed: int, octaves: int = 3) -> NDArray[np.float32]:
    """Return smooth noise ``[y, x]``, mean 0 and standard deviation about 1.

    Args:
        shape: rows, columns.
        length_px: correlation length of the coarsest octave [pixels].
        seed: the same seed gives the same noise.
        octaves: each has half the length and 0.6 of the amplitude of the one before.
    """
    made = np.zeros(shape, np.float32)
    power = 0.0
    for octave in range(octaves):
        step = max(1.0, length_px / 2**octave)
        amplitude = 0.6**octave
        nodes = tuple(int(np.ceil(size / step)) + 3 for size in shape)
        generator = np.random.Generator(np.random.PCG64([seed, octave]))
        values = generator.standard_normal(nodes, dtype=np.float32)
        scaled = cv2.resize(values, (int(nodes[1] * step) + 1, int(nodes[0] * step) + 1), interpolation=cv2.INTER_CUBIC)
        made += amplitude * scaled[: shape[0], : shape[1]]
        power += amplitude**2
    made *= np.float32(1.0 / (0.75 * np.sqrt(power)))
    return made


def lay_out(shape: tuple[int, int], seed: int, *, snow_fraction: float = 0.0) -> Landscape:
    """Return the landscape of a scene.

    Args:
        shape: rows, columns at 10 m.
        seed: the same seed gives the same landscape.
        snow_fraction: part of the land under snow, 0..1.
    """
    cover, field_brightness, field_slope = _fields(shape, seed)
    extent_px = float(min(shape))
    woodland = correlated_noise(shape, extent_px / 5.0, seed + 1, octaves=5)
    conifers = correlated_noise(shape, extent_px / 8.0, seed + 2)
    cover[woodland > 0.45] = Cover.DECIDUOUS
    cover[(woodland > 0.55) & (conifers > -0.4)] = Cover.CONIFER
    town = correlated_noise(shape, extent_px / 4.0, seed + 3, octaves=4)
    cover[town > 1.75] = Cover.URBAN
    lakes = correlated_noise(shape, extent_px / 6.0, seed + 4)
    cover[lakes > 2.0] = Cover.WATER_CLEAR
    if snow_fraction > 0.0:
        height = correlated_noise(shape, extent_px / 2.0, seed + 5, octaves=5)
        cover[height > np.quantile(height, 1.0 - snow_fraction)] = Cover.SNOW
    _add_coast(cover, seed)
    planted = (cover >= Cover.CROP_DENSE) & (cover <= Cover.DRY_GRASS)
    texture = 0.8 * correlated_noise(shape, 12.0, seed + 7) + 0.4 * correlated_noise(shape, 1.0, seed + 8, octaves=1)
    brightness = np.where(planted, field_brightness + 0.35 * texture, texture).astype(np.float32)
    slope = np.where(planted, field_slope, 0.5 * texture).astype(np.float32)
    return Landscape(cover, brightness, slope)


def _add_coast(cover: NDArray[np.uint8], seed: int) -> None:
    """Put sand, turbid and clear water on the right of the scene."""
    rows, cols = cover.shape
    waviness = correlated_noise((rows, cols), min(rows, cols) / 4.0, seed + 6, octaves=5)
    across = np.arange(cols, dtype=np.float32)[np.newaxis, :] / cols
    offshore_m = (across - _COAST_AT - 0.04 * waviness) * np.float32(cols * _PIXEL_M)
    cover[offshore_m > -_BEACH_M] = Cover.SAND
    cover[offshore_m > 0.0] = Cover.WATER_TURBID
    cover[offshore_m > _TURBID_M] = Cover.WATER_CLEAR


def _fields(shape: tuple[int, int], seed: int) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
    """Return cover and per-field deviates of a rotated pattern of rectangular fields."""
    rotation = np.radians(_FIELD_ROTATION_DEG)
    y = np.arange(shape[0], dtype=np.float32)[:, np.newaxis] * np.float32(_PIXEL_M)
    x = np.arange(shape[1], dtype=np.float32)[np.newaxis, :] * np.float32(_PIXEL_M)
    row = np.floor((y * np.cos(rotation) - x * np.sin(rotation)) / _FIELD_M[1]).astype(np.int32)
    shifted = (x * np.cos(rotation) + y * np.sin(rotation)) / _FIELD_M[0] + _uniform(row, np.zeros_like(row), seed)
    column = np.floor(shifted).astype(np.int32)
    chance = _uniform(row, column, seed + 1)
    cover = np.full(shape, Cover.DRY_GRASS, np.uint8)
    for limit, kind in reversed(_FIELD_COVERS):
        cover[chance < limit] = kind
    brightness = (_uniform(row, column, seed + 2) - 0.5) * np.float32(np.sqrt(12.0))
    slope = (_uniform(row, column, seed + 3) - 0.5) * np.float32(np.sqrt(12.0))
    return cover, brightness, slope


def _uniform(row: NDArray[np.int32], column: NDArray[np.int32], seed: int) -> NDArray[np.float32]:
    """Return a number in 0..1 for each pair of integers: an integer hash, so that no order of drawing matters."""
    key = row.astype(np.uint32) * np.uint32(0x9E3779B1) ^ column.astype(np.uint32) * np.uint32(0x85EBCA77)
    key ^= np.uint32((seed * 0xC2B2AE3D) & 0xFFFFFFFF)
    key ^= key >> np.uint32(15)
    key *= np.uint32(0x2C1B3C6D)
    key ^= key >> np.uint32(12)
    key *= np.uint32(0x297A2D39)
    key ^= key >> np.uint32(15)
    return (key >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)


def cloud_opacity(shape: tuple[int, int], fraction: float, seed: int) -> NDArray[np.float32]:
    """Return the opacity 0..1 of simple clouds ``[y, x]``; about ``fraction`` of the pixels exceed one half."""
    if fraction <= 0.0:
        return np.zeros(shape, np.float32)
    field = correlated_noise(shape, min(shape) / 6.0, seed + 9, octaves=5)
    edge = np.quantile(field[::7, ::7], 1.0 - fraction)
    opacity: NDArray[np.float32] = np.clip((field - np.float32(edge)) / 0.3 + 0.5, 0.0, 1.0).astype(np.float32)
    return opacity


def cloud_shadow(
    opacity: NDArray[np.float32], sun_zenith_deg: float, sun_azimuth_deg: float, height_m: float
) -> NDArray[np.float32]:
    """Return how much of the direct sun clouds at one height take away from each place, 0..1 ``[y, x]``."""
    distance_px = height_m * np.tan(np.radians(sun_zenith_deg)) / _PIXEL_M
    down = round(float(distance_px * np.cos(np.radians(sun_azimuth_deg))))
    right = round(float(-distance_px * np.sin(np.radians(sun_azimuth_deg))))
    shifted = np.zeros_like(opacity)
    rows, cols = opacity.shape
    if abs(down) < rows and abs(right) < cols:
        source = opacity[max(0, -down) : rows - max(0, down), max(0, -right) : cols - max(0, right)]
        shifted[max(0, down) : rows - max(0, -down), max(0, right) : cols - max(0, -right)] = source
    return shifted
