"""From Level-1C counts to surface reflectance counts, band by band and in row strips.

Lambertian ground, level here; ``terrain`` turns the solution to slopes (Vermote et al. 1997,
doi:10.1109/36.581987; Richter 1998, doi:10.1364/AO.37.004004).
With ``S`` the spherical albedo, ``q`` diffuse over direct upward transmittance, ``rho_b`` the mean reflectance of the
surroundings, and ``T = T_gas T_down T_up``::

    rho_toa = path + T / (1 + q) * (rho + q rho_b) / (1 - S rho_b)

Step 1 is ``y = (rho_toa - path) / T``. Averaged over the surroundings the equation gives
``y_b = rho_b / (1 - S rho_b)``, hence ``1 - S rho_b = 1 / (1 + S y_b)``, and the pixel's reflectance is::

    rho = (y + q (y - y_b)) / (1 + S y_b)

that is Sen2Cor's step 2: adjacency ``y + q (y - y_b)``, then spherical albedo with the mean of the surroundings. Over
uniform ground ``y = y_b`` and the result is exactly ``y / (1 + S y)``, the inverse of the uniform forward model.
Without surroundings (``Adj_Km`` = 0) each pixel is its own: ``rho = y / (1 + S y)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.surface_reflectance.coarse import CoarseGrid, Float32, RowSource, enlarge, repeated, shrink, strips
from tasks.surface_reflectance.coefficients import BandCoefficients, CoarseCoefficients, WaterDependence, at_pixels
from tasks.surface_reflectance.lighting import SlopeLight, SlopeStrip
from tasks.surface_reflectance.neighbourhood import (
    GRID_M,
    Surroundings,
    block_means,
    near_and_wide_mean,
    surroundings_mean,
)
from tasks.surface_reflectance.terrain import BandRelief, Relief

QUANTIFICATION = 10000.0
OFFSET = 1000.0
LARGEST_DN = 32767
FIRST_STEP_BACKGROUND = 0.15
"""Reflectance of the surroundings that step 1 assumes for the spherical albedo (Sen2Cor 3 sources, AtmCorr)."""


@dataclass(frozen=True)
class Calibration:
    """How Level-1C counts become reflectance: ``(DN + offset) / quantification``."""

    offset: float
    quantification: float


def to_reflectance(counts: NDArray[Any], calibration: Calibration) -> Float32:
    """Return top-of-atmosphere reflectance of counts (or of means of counts)."""
    reflectance = np.array(counts, np.float32)
    reflectance += np.float32(calibration.offset)
    reflectance *= np.float32(1.0 / calibration.quantification)
    return reflectance


def ground_reflectance(y: Float32, albedo: Float32, adjacency: Float32, y_mean: Float32 | None) -> Float32:
    """Return the surface reflectance from step 1, for arrays of one shape.

    Args:
        y: ``(rho_toa - path) / T``.
        albedo: spherical albedo ``S``.
        adjacency: ``q``.
        y_mean: ``y`` averaged over the surroundings; None leaves the neighbourhood out.
    """
    if y_mean is None:
        return np.asarray(y / (1.0 + albedo * y), np.float32)
    return np.asarray((y + adjacency * (y - y_mean)) / (1.0 + albedo * y_mean), np.float32)


@dataclass(frozen=True, eq=False)
class _Fields:
    """Fields on the 60 m raster from which ``y``, the light of level ground, follows at the pixels.

    With ``o`` the root of the pixel's water vapour less that of the block, and ``DN`` the counts::

        y = (gain DN + start - water_path o) exp(-(slope o + curvature o^2)) - last

    and without surroundings ``y / (1 + albedo y)`` of that. Without water vapour ``last`` is part of ``start``.

    Attributes:
        gain, start: see above.
        last: light of the surroundings; None where it is part of ``start``.
        albedo: spherical albedo; None with surroundings.
        water: dependence on the column, its path slope times the gain; None for bands without.
    """

    gain: Float32
    start: Float32
    last: Float32 | None
    albedo: Float32 | None
    water: WaterDependence | None

    @classmethod
    def of(
        cls,
        calibration: Calibration,
        path: Float32,
        gain: Float32,
        last: Float32 | None,
        albedo: Float32 | None,
        water: WaterDependence | None,
    ) -> _Fields:
        """Return the fields from those that act on reflectance: ``y = gain w (rho_toa - path) - last``."""
        start = gain * (np.float32(calibration.offset / calibration.quantification) - path)
        if water is not None:
            water = replace(water, path_slope=water.path_slope * gain)
        elif last is not None:
            start, last = start - last, None
        return cls(gain * np.float32(1.0 / calibration.quantification), start, last, albedo, water)


@dataclass(frozen=True, eq=False)
class ImageStrip:
    """What all bands share in one row strip of an image.

    Attributes:
        rows: the strip's rows.
        factor: pixels along the side of a 60 m block.
        classes: scene classification, of the image's pixel size or of twice that.
        data: ``[rows, cols]`` pixels with data.
        slopes: terrain; None over level ground.
    """

    rows: slice
    factor: int
    classes: NDArray[np.uint8]
    data: NDArray[np.bool_]
    slopes: SlopeStrip | None


def image_strips(scl: NDArray[np.uint8], rows: int, blocks: int, relief: Relief | None) -> Iterator[ImageStrip]:
    """Yield the strips of an image.

    Args:
        scl: scene classification, of the image's pixel size or of twice that; 0 = no-data.
        rows: of the image.
        blocks: rows of the 60 m raster.
        relief: terrain; None for level ground.
    """
    repeat = rows // scl.shape[0]
    for part in strips(rows):
        classes = np.asarray(scl[part.start // repeat : part.stop // repeat])
        data = classes != 0
        slopes = None if relief is None or not data.any() else relief.strip(part)
        yield ImageStrip(part, rows // blocks, classes, repeated(data, repeat), slopes)


@dataclass(frozen=True, eq=False)
class BandInversion:
    """One band with all that its pixels need.

    Attributes:
        fields: on the 60 m raster.
        root_offset: ``[rows, cols]`` of a band with water vapour.
        light: on slopes; None for level ground.
    """

    fields: _Fields
    root_offset: Float32 | None
    light: SlopeLight | None

    def corrected(self, counts: NDArray[np.uint16], strip: ImageStrip) -> NDArray[np.uint16]:
        """Return the surface reflectance counts of a strip, ``floor(10000 rho + 1000.5)`` within 1..32767; 0 = no-data.

        Args:
            counts: ``[rows, cols]`` Level-1C counts; 0 = no-data.
            strip: where they lie.
        """
        if not strip.data.any():
            return np.zeros(counts.shape, np.uint16)
        rho = self._level(counts, strip)
        if self.light is not None and strip.slopes is not None:
            rho = self.light.reflectance(rho, strip.slopes)
        rho *= np.float32(QUANTIFICATION)
        rho += np.float32(OFFSET + 0.5)
        np.clip(rho, 1, LARGEST_DN, out=rho)
        result = rho.astype(np.uint16)  # truncates, which is floor for positive values
        result *= strip.data
        result *= counts != 0
        return result

    def _level(self, counts: NDArray[np.uint16], strip: ImageStrip) -> Float32:
        """Return the light of level ground, as :class:`_Fields` says."""

        def up(field: Float32) -> Float32:
            return enlarge(field, strip.factor, strip.rows, counts.shape[1])

        fields, water = self.fields, self.fields.water
        y = up(fields.gain)
        y *= counts
        y += up(fields.start)
        if water is not None and self.root_offset is not None:
            offset = self.root_offset[strip.rows]
            y -= up(water.path_slope) * offset
            exponent = up(water.curvature)
            exponent *= offset
            exponent += up(water.slope)
            exponent *= offset
            y *= np.exp(np.negative(exponent, out=exponent), out=exponent)
        if fields.last is not None:
            y -= up(fields.last)
        if fields.albedo is not None:
            y /= 1.0 + up(fields.albedo) * y
        return y


def prepare_band(
    dn: NDArray[np.uint16] | RowSource,
    scl: NDArray[np.uint8],
    root_offset: Float32 | None,
    aot550: Float32,
    coefficients: CoarseCoefficients,
    grid: CoarseGrid,
    calibration: Calibration,
    surroundings: Surroundings | None,
    *,
    relief: BandRelief | None = None,
    second_step: bool = True,
) -> BandInversion:
    """Return the inversion of one band.

    Args:
        dn: ``[rows, cols]`` Level-1C counts at 60, 20 or 10 m; 0 = no-data.
        scl: scene classification, of the pixel size of ``dn`` or of twice that; 0 = no-data.
        root_offset: ``[rows, cols]`` as ``dn``, of :func:`root_offsets`; needed by bands with a water dependence.
        aot550: ``[rows60, cols60]`` AOT at 60 m.
        coefficients: of the band, on the coarse nodes.
        grid: the coarse nodes.
        calibration: of the counts.
        surroundings: for the adjacency correction; None leaves it out.
        relief: light on slopes; None for level ground.
        second_step: ``Rho_Retrieval_Step2``: False leaves out adjacency and the light between slopes, and takes a
            background of 0.15 for the spherical albedo.
    """
    per_block = scl.shape[0] // aot550.shape[0]
    c, water = at_pixels(coefficients, grid, GRID_M, aot550)
    if not second_step:
        returned = np.float32(FIRST_STEP_BACKGROUND) * c.spherical_albedo
        gain = c.inverse_transmittance * (1.0 - returned)
        fields = _Fields.of(calibration, c.path, gain, None, None, water)
        if relief is not None:
            relief = relief.with_surroundings(gain, gain, returned / (1.0 - returned))
    elif surroundings is None and relief is None:
        fields = _Fields.of(calibration, c.path, c.inverse_transmittance, None, c.spherical_albedo, water)
    else:
        used = np.asarray(scl) != 0 if surroundings is None else surroundings.used
        toa = to_reflectance(block_means(dn, used, GRID_M * aot550.shape[0] // dn.shape[0]), calibration)
        share = grid.upsample(coefficients.molecular_share, GRID_M, slice(0, toa.shape[0]), toa.shape[1])
        fields, light, returned = _with_surroundings(
            calibration, c, water, toa, root_offset, surroundings, share, relief is not None
        )
        if relief is not None:
            weight = shrink(used, per_block) if surroundings is None else surroundings.used_share
            relief = relief.with_surroundings(light, weight, returned)
    return BandInversion(fields, root_offset if water is not None else None, None if relief is None else relief.light())


def root_offsets(
    water_vapour: NDArray[np.uint16], root_column: Float32, grid: CoarseGrid, blocks: tuple[int, ...]
) -> Float32:
    """Return ``sqrt(U) - root_column`` at the pixels of a map of water vapour; 0 where there is none.

    Args:
        water_vapour: ``[rows, cols]`` [0.001 cm], 0 = no-data.
        root_column: ``[ny, nx]`` on the coarse nodes.
        grid: the coarse nodes.
        blocks: shape of the 60 m raster.
    """
    at_60m = grid.upsample(root_column, GRID_M, slice(0, blocks[0]), blocks[1])
    result = np.empty(water_vapour.shape, np.float32)
    for rows in strips(water_vapour.shape[0]):
        column = np.asarray(water_vapour[rows])
        root = np.sqrt(column * np.float32(0.001), out=result[rows])
        root -= enlarge(at_60m, water_vapour.shape[0] // blocks[0], rows, water_vapour.shape[1])
        root *= column > 0
    return result


def _with_surroundings(
    calibration: Calibration,
    c: BandCoefficients,
    water: WaterDependence | None,
    toa: Float32,
    root_offset: Float32 | None,
    surroundings: Surroundings | None,
    molecular_share: Float32,
    on_relief: bool,
) -> tuple[_Fields, Float32, Float32]:
    """Return the fields from the mean top-of-atmosphere reflectance of the 60 m blocks, the level solution there, and
    the light that the atmosphere sends back to the ground, relative to that of the first passage.

    Without surroundings the fields leave the adjacency out.
    """
    y = toa - c.path
    if water is not None and root_offset is not None:
        per_block = root_offset.shape[0] // toa.shape[0]
        centre = slice(per_block // 2, None, per_block)
        offset = root_offset[centre, centre]
        y -= water.path_slope * offset
        y *= np.exp(-offset * (water.slope + water.curvature * offset))
    y *= c.inverse_transmittance
    if surroundings is None:
        alone = _Fields.of(calibration, c.path, c.inverse_transmittance, None, c.spherical_albedo, water)
        return alone, ground_reflectance(y, c.spherical_albedo, c.adjacency, None), c.spherical_albedo * y
    around, damping = _ground_around(y, c, surroundings, molecular_share, wide=on_relief)
    gain = c.inverse_transmittance * (1.0 + c.adjacency) * damping
    last = c.adjacency * around
    light = y * (1.0 + c.adjacency) * damping - last
    return _Fields.of(calibration, c.path, gain, last, None, water), light, 1.0 / damping - 1.0


def _ground_around(
    y: Float32, c: BandCoefficients, surroundings: Surroundings, molecular_share: Float32, *, wide: bool
) -> tuple[Float32, Float32]:
    """Return the mean light that leaves the surroundings, ``rho_b`` on level ground, and ``1 - S rho_b``.

    The mean of ``y`` is that of a scene that the air has blurred already. After 6S it is therefore the first estimate
    of two: the ground found with it is averaged again. A step of ``1 / (1 + q / 2)`` towards that mean is exact where
    the mean keeps all, none or half of a structure, and to the third order in ``q`` between. Over the box, as in
    Sen2Cor, the first estimate stays.

    Args:
        wide: the light that the air sends back comes from farther away. On slopes the nearer ground is the slope
            itself, and the difference counts.
    """
    y_mean, y_wide = near_and_wide_mean(y, surroundings, molecular_share)
    damping = 1.0 / (1.0 + c.spherical_albedo * (y_wide if wide else y_mean))
    around = y_mean * damping
    if surroundings.environment is None:
        return around, damping
    ground = y * (1.0 + c.adjacency) * damping - c.adjacency * around
    ground = surroundings_mean(ground, surroundings, molecular_share)
    around += (ground - around) / (1.0 + 0.5 * c.adjacency)
    return around, damping if wide else np.asarray(1.0 - c.spherical_albedo * around, np.float32)
