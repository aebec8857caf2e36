"""Light on slopes: what the ground receives relative to level ground under the same sky.

Direct light goes with the illumination angle, the sky's light with what a slope sees of it (``sky``), and slopes light
each other (Richter 1998, doi:10.1364/AO.37.004004; Sen2Cor 3 sources, AtmCorr). Relative to level ground, with ``D``
the direct share of the irradiance, ``b`` 1 in the sun and 0 in shadow, ``F`` the sky's light, and ``V`` the sky view::

    e = b D cos(beta) / cos(theta) + (1 - D) F + max((1 - V) G, floor)

``G`` is the light that leaves the slopes in view (``facing``). It is what the level solution gives, so nothing has to
be iterated. Sen2Cor takes the mean reflectance of a box instead, lit as level ground is; slopes turned to the sun then
get too much, since what they have in view is turned away from it. Sen2Cor's sky is Hay's: of the diffuse light the
share of the direct transmittance comes from the sun's direction, the rest from everywhere.

The light that the atmosphere sends back to the ground, ``s`` times that of the first passage, comes from the whole sky:
``e`` becomes ``(e + s V) / (1 + s)`` relative to level ground, which gets it too. The light that leaves a slope is
``rho e``. Adjacency and spherical albedo act on light, not on reflectance: the level equations give ``rho e``, from
which ``rho`` follows by division. Over level ground ``e`` is 1. :mod:`tasks.surface_reflectance.lighting` evaluates it
at the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.radiative_transfer.atmosphere import Terms
from tasks.surface_reflectance.brdf import Damping
from tasks.surface_reflectance.coarse import CoarseGrid, Float32, repeated, shrink, strips
from tasks.surface_reflectance.facing import Facing, facing_of
from tasks.surface_reflectance.lighting import SMALLEST_COSINE, SlopeLight, SlopeStrip, StartLight
from tasks.surface_reflectance.neighbourhood import GRID_M, class_mask
from tasks.surface_reflectance.sky import SkyShape, sky_shape
from tasks.surface_reflectance.sky_radiance import Layer

ILLUMINATION_SCALE: Final = 10000.0
SKY_VIEW_SCALE: Final = 250.0
_SLOPE_SCALE: Final = 100.0
_COSINE_OF_SLOPE: Final = np.cos(np.radians(np.arange(9001) / _SLOPE_SCALE)).astype(np.float32)
_FLOOR_SHARE: Final = 0.01
_LARGE_CLOUD_CLASSES: Final = (0, 1, 8, 9, 10)
_LARGE_CLOUD_M2: Final = 2000.0 * 2000.0
_BRIGHTEST_SURROUNDINGS: Final = 0.95


def terrain_is_flat(
    relief_m: float, slope_centidegrees: NDArray[np.uint16], *, p2p_m: float, slope_deg: float, share: float
) -> bool:
    """Return whether a tile is treated as level: low relief, and few steep pixels.

    Args:
        relief_m: largest minus smallest height.
        slope_centidegrees: ``[rows, cols]`` slope in 0.01 degrees.
        p2p_m: ``AC_Dem_P2p_Val``.
        slope_deg: ``AC_Slope_Th``.
        share: ``AC_Topo_Corr_Th``, largest share of pixels steeper than that.
    """
    if relief_m >= p2p_m:
        return False
    limit = round(slope_deg * 100.0)
    steep = sum(int(np.count_nonzero(slope_centidegrees[rows] > limit)) for rows in strips(len(slope_centidegrees)))
    return steep < share * slope_centidegrees.size


def large_clouds(scl: NDArray[np.uint8], map_resolution: int = 20) -> NDArray[np.bool_]:
    """Return the 60 m blocks of connected clouds and no-data (classes 0, 1, 8, 9, 10) above 2 km x 2 km.

    Args:
        scl: scene classification.
        map_resolution: its pixel size, 20 or 60 [m].
    """
    factor = GRID_M // map_resolution
    covered = (shrink(class_mask(np.asarray(scl), _LARGE_CLOUD_CLASSES), factor) > 0.5).astype(np.uint8)
    _, labels, figures, _ = cv2.connectedComponentsWithStats(covered, connectivity=8)
    large = figures[:, cv2.CC_STAT_AREA] > _LARGE_CLOUD_M2 / GRID_M**2
    large[0] = False
    return np.asarray(large[labels])


@dataclass(frozen=True, eq=False)
class _BoxMean:
    """The weighted mean over the box round each block; 0 where the box holds no weight."""

    weight: Float32
    half_width: int

    @cached_property
    def _number(self) -> NDArray[Any]:
        return np.asarray(np.maximum(self._total(np.ascontiguousarray(self.weight, np.float32)), 1e-3))

    def _total(self, field: Float32) -> NDArray[Any]:
        size = (2 * self.half_width + 1, 2 * self.half_width + 1)
        return np.asarray(cv2.boxFilter(field, cv2.CV_64F, size, normalize=False, borderType=cv2.BORDER_CONSTANT))

    def of(self, values: Float32) -> Float32:
        total = self._total(np.ascontiguousarray(values * self.weight, np.float32))
        total /= self._number
        return np.asarray(total, np.float32)


@dataclass(frozen=True, eq=False)
class _Around:
    """The ground that slopes see: means over the box round each block, and ``(1 - V)_mean``."""

    mean: _BoxMean
    hidden: Float32


@dataclass(frozen=True, eq=False)
class Relief:
    """The terrain of one resolution, and its means on 60 m blocks.

    Attributes:
        grid: coarse nodes.
        resolution: 10, 20 or 60 [m].
        illumination: ``[rows, cols]`` int16, 10000 cos(beta).
        shadow: ``[rows, cols]`` uint8, 1 in self or cast shadow.
        sky_view: ``[rows, cols]`` uint8, 250 V.
        slope: ``[rows, cols]`` uint16, 0.01 degrees, of the same size or of half of it.
        level: ``[rows60, cols60]`` blocks treated as level ground (large clouds).
        inverse_cos_sun: ``[ny, nx]`` 1 / cos(sun zenith) on the nodes.
        facing: the slopes that the slopes have in view.
        lit, cosine, upright, sky: ``[rows60, cols60]`` means of ``b cos(beta) / cos(theta)``, ``x``, ``z`` and ``V``.
    """

    grid: CoarseGrid
    resolution: int
    illumination: NDArray[np.int16]
    shadow: NDArray[np.uint8]
    sky_view: NDArray[np.uint8]
    slope: NDArray[np.uint16]
    level: NDArray[np.bool_]
    facing: Facing
    inverse_cos_sun: Float32
    lit: Float32
    cosine: Float32
    upright: Float32
    sky: Float32
    _around: list[_Around] = field(default_factory=list, init=False, repr=False)

    def around(self, weight: Float32, half_width: int) -> _Around:
        """Return the ground round each block, kept as long as weight and half-width [blocks] stay the same."""
        kept = self._around
        if not kept or kept[0].mean.weight is not weight or kept[0].mean.half_width != half_width:
            hidden = _BoxMean(np.ones_like(weight), half_width).of(1.0 - self.sky)
            kept[:] = [_Around(_BoxMean(weight, half_width), hidden)]
        return kept[0]

    def strip(self, rows: slice) -> SlopeStrip:
        """Return the slopes of a row strip."""
        factor, at = GRID_M // self.resolution, self.resolution
        inverse_cos_sun = self.grid.upsample(self.inverse_cos_sun, at, rows, self.lit.shape[1] * factor)
        if at == GRID_M:
            means = (self.lit[rows], self.cosine[rows], self.upright[rows], self.sky[rows])
            return SlopeStrip(rows, 1, *means, inverse_cos_sun)
        return SlopeStrip(rows, factor, *_light(self, rows, inverse_cos_sun), inverse_cos_sun)

    def averaged(self) -> Relief:
        """Return the same terrain for 60 m pixels: the means of the finer ones, not those of an averaged slope."""
        return replace(self, resolution=GRID_M)


def open_relief(
    grid: CoarseGrid,
    resolution: int,
    sun_zenith_deg: Float32,
    illumination: NDArray[np.int16],
    shadow: NDArray[np.uint8],
    sky_view: NDArray[np.uint8],
    slope: NDArray[np.uint16],
    level: NDArray[np.bool_],
    height_km: Float32,
    range_km: float,
) -> Relief:
    """Return the relief with its block means.

    Args:
        grid, resolution, illumination, shadow, sky_view, slope, level: as the attributes of :class:`Relief`.
        sun_zenith_deg: ``[ny, nx]`` on the nodes.
        height_km: ``[rows60, cols60]``.
        range_km: ``AC_Rng_Nbhd_Terrain_Corr``.
    """
    inverse = (1.0 / np.cos(np.deg2rad(sun_zenith_deg))).astype(np.float32)
    means = [np.empty(level.shape, np.float32) for _ in range(4)]
    facing = facing_of(height_km, range_km)
    relief = Relief(grid, resolution, illumination, shadow, sky_view, slope, level, facing, inverse, *means)
    factor = GRID_M // resolution
    for rows in strips(illumination.shape[0]):
        slopes = relief.strip(rows)
        for mean, values in zip(means, (slopes.lit, slopes.cosine, slopes.upright, slopes.sky), strict=True):
            mean[rows.start // factor : rows.stop // factor] = shrink(values, factor)
    return relief


def _light(relief: Relief, rows: slice, inverse_cos_sun: Float32) -> tuple[Float32, Float32, Float32, Float32]:
    """Return ``b cos(beta) / cos(theta)``, ``x``, ``z`` and ``V`` of a row strip at 10 or 20 m."""
    cosine = np.asarray(relief.illumination[rows], np.float32)
    cosine *= np.float32(1.0 / ILLUMINATION_SCALE)
    sunlit = (np.asarray(relief.shadow[rows]) == 0).astype(np.float32)
    sky = np.asarray(relief.sky_view[rows], np.float32)
    sky *= np.float32(1.0 / SKY_VIEW_SCALE)
    repeat = relief.illumination.shape[0] // relief.slope.shape[0]
    upright = repeated(_COSINE_OF_SLOPE[relief.slope[rows.start // repeat : rows.stop // repeat]], repeat)
    factor = GRID_M // relief.resolution
    blocks = relief.level[rows.start // factor : -(-rows.stop // factor)]
    if blocks.any():
        level = repeated(blocks, factor)
        cosine[level], sunlit[level], upright[level], sky[level] = 1.0 / inverse_cos_sun[level], 1.0, 1.0, 1.0
    lit = np.maximum(cosine, np.float32(SMALLEST_COSINE))
    lit *= inverse_cos_sun
    lit *= sunlit
    return lit, cosine, upright, sky


@dataclass(frozen=True)
class TerrainSettings:
    """What the GIPP says about slopes.

    Attributes:
        start: ``AC_Terrain_Refl_Start``.
        range_km: ``AC_Rng_Nbhd_Terrain_Corr``.
        iterations: ``AC_Max_Nr_Topo_Iter``; 0 keeps the start, any other number takes the light of the scene.
        cut_off: ``AC_Topo_Corr_Cutoff``.
    """

    start: float
    range_km: float
    iterations: int
    cut_off: float

    @property
    def half_width(self) -> int:
        """Half-width of the box of the terrain's light, in 60 m blocks."""
        return max(1, round(self.range_km * 1000.0 / GRID_M))


@dataclass(frozen=True, eq=False)
class BandRelief:
    """The light on slopes in one band; fields on the 60 m raster.

    Attributes:
        relief: terrain.
        settings: of the GIPP.
        direct: ``D``.
        sky: ``F``, for the mean sun and aerosol of the scene.
        surroundings: ``G``.
        floor: smallest light from the terrain; None once the surroundings are known.
        returned: ``s``.
        damping: the BRDF correction; None leaves it out.
        vegetation: ``[rows, cols]`` pixels that it treats as vegetation; None when it makes no difference.
    """

    relief: Relief
    settings: TerrainSettings
    direct: Float32
    sky: SkyShape
    surroundings: Float32
    floor: Float32 | None
    returned: Float32
    damping: Damping | None = None
    vegetation: NDArray[np.bool_] | None = None

    def with_surroundings(self, light: Float32, weight: Float32, returned: Float32) -> BandRelief:
        """Return the relief with the light between slopes, and from the atmosphere, of the scene itself.

        Args:
            light: ``[rows60, cols60]`` ``rho e``, the level solution averaged over the blocks.
            weight: ``[rows60, cols60]`` share of each block's pixels that count.
            returned: ``[rows60, cols60]`` ``s``.
        """
        returned = np.maximum(returned, np.float32(0.0))
        if self.settings.iterations == 0:
            return replace(self, returned=returned)
        terrain = self.relief.facing.mean(np.clip(light, 0.0, _BRIGHTEST_SURROUNDINGS), weight)
        terrain *= np.float32(1.0) + returned
        return replace(self, surroundings=terrain, floor=None, returned=returned)

    def with_known_ground(self, rho: Float32, weight: Float32, albedo: Float32) -> BandRelief:
        """Return the relief with the light between slopes, and from the atmosphere, of ground that is known.

        Args:
            rho: ``[rows60, cols60]`` mean reflectance of the blocks.
            weight: ``[rows60, cols60]`` share of each block's pixels that count.
            albedo: ``[rows60, cols60]`` spherical albedo of the atmosphere.
        """
        around = self.relief.around(weight, self.settings.half_width)
        mean = np.clip(around.mean.of(rho), 0.0, _BRIGHTEST_SURROUNDINGS)
        terrain = mean / (1.0 - mean * around.hidden)
        returned = albedo * mean / (1.0 - albedo * mean)
        return replace(
            self,
            surroundings=terrain.astype(np.float32),
            floor=None,
            returned=returned.astype(np.float32),
        )

    def light(self) -> SlopeLight:
        """Return what the pixels of the band need."""
        share = np.float32(1.0) / (np.float32(1.0) + self.returned)
        returned, surroundings = self.returned * share, self.surroundings * share
        return SlopeLight(
            direct=self.direct * share,
            diffuse=(np.float32(1.0) - self.direct) * share,
            returned=returned,
            change=surroundings - returned,
            sky=self.sky,
            start=None if self.floor is None else StartLight(self.floor * share, surroundings),
            cut_off=self.settings.cut_off,
            damping=self.damping,
            vegetation=self.vegetation,
        )


def band_relief(
    relief: Relief,
    terms: Terms,
    cos_view: Float32,
    molecules: Terms,
    settings: TerrainSettings,
    wavelength_um: float,
    damping: Damping | None = None,
    vegetation: NDArray[np.bool_] | None = None,
) -> BandRelief:
    """Return the light on slopes in a band, with the terrain's start reflectance.

    Args:
        relief: terrain.
        terms: of the band on the nodes.
        cos_view: ``[ny, nx]`` cosine of the band's view zenith, to turn the direct transmittance to the sun's path.
        molecules: the same without aerosol.
        settings: of the GIPP.
        wavelength_um: centre of the band.
        damping, vegetation: of the BRDF correction.
    """
    direct_transmittance = terms.direct_transmittance_up ** (cos_view * relief.inverse_cos_sun)
    share = np.clip(direct_transmittance / np.maximum(terms.transmittance_down, 1e-4), 0.0, 1.0)
    total, scattered = (float(np.mean(-np.log(t.direct_transmittance_up) * cos_view)) for t in (terms, molecules))
    layer = Layer(
        aerosol=total - scattered,
        molecules=scattered,
        cos_sun=float(np.mean(1.0 / relief.inverse_cos_sun)),
        wavelength_um=wavelength_um,
    )

    def at_blocks(field: NDArray[Any]) -> Float32:
        rows, cols = relief.sky.shape
        return relief.grid.upsample(np.asarray(field, np.float32), GRID_M, slice(0, rows), cols)

    return BandRelief(
        relief=relief,
        settings=settings,
        direct=at_blocks(share),
        sky=sky_shape(layer),
        surroundings=np.full(relief.sky.shape, settings.start, np.float32),
        floor=at_blocks(share * np.float32(_FLOOR_SHARE)),
        returned=np.zeros(relief.sky.shape, np.float32),
        damping=damping,
        vegetation=vegetation,
    )
