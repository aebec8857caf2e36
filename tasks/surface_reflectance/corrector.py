"""Corrects the bands of one resolution, one after the other, with what they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.common.records import StageResult
from tasks.surface_reflectance.absorption_band import ABSORPTION_BAND, surrounding_columns
from tasks.surface_reflectance.brdf import needs_vegetation, vegetation_of
from tasks.surface_reflectance.coarse import Float32, RowSink, RowSource, strips
from tasks.surface_reflectance.coefficients import CoarseCoefficients, band_coefficients
from tasks.surface_reflectance.inputs import TileMaps, nodes_of_map
from tasks.surface_reflectance.inversion import (
    BandInversion,
    Calibration,
    ImageStrip,
    image_strips,
    prepare_band,
    root_offsets,
)
from tasks.surface_reflectance.neighbourhood import block_means, class_mask, describe_surroundings
from tasks.surface_reflectance.parameters import SurfaceReflectanceParameters
from tasks.surface_reflectance.path_scaling import BLUE_BAND, scale_path, scaling_of
from tasks.surface_reflectance.relief_inputs import brdf_mode, relief_of, relief_of_band
from tasks.surface_reflectance.scene import Scene
from tasks.surface_reflectance.statistics import LAND_CLASSES, LandStatistics

_RED = "B04"
TOGETHER = 4
"""Bands that are corrected at a time: their fields at 60 m are held, about 150 MB a band of a full tile."""


@dataclass(frozen=True, eq=False)
class BandImage:
    """One band of the tile.

    Attributes:
        dn: ``[rows, cols]`` Level-1C counts; 0 = no-data.
        calibration: of the counts.
        out: takes the rows of the corrected image, uint16.
    """

    dn: NDArray[np.uint16] | RowSource
    calibration: Calibration
    out: NDArray[Any] | RowSink


class Corrector:
    """Holds maps, surroundings and terrain of a tile at one resolution."""

    def __init__(
        self,
        scene: Scene,
        parameters: SurfaceReflectanceParameters,
        resolution: int,
        maps: TileMaps,
        dem: StageResult,
    ) -> None:
        scl = maps.scl
        self._scene = scene
        self._parameters = parameters
        self._maps = maps
        self._aot_nodes = nodes_of_map(scene.grid, maps.aot550, scl, maps.resolution)
        self._aot_60m = block_means(maps.aot550, scl != 0, maps.resolution) * np.float32(0.001)
        self._water_nodes = nodes_of_map(scene.grid, maps.water_vapour, scl, maps.resolution)
        self.surroundings = (
            describe_surroundings(scl, parameters.adj_km, maps.resolution, parameters.adjacency_kernel)
            if parameters.rho_retrieval_step2
            else None
        )
        """Surroundings of the adjacency correction; None when it is left out."""
        self.relief = relief_of(dem, scene, scl, resolution, parameters, maps.resolution)
        """Terrain; None on level ground."""
        self.brdf = brdf_mode(parameters, self.relief, scl)
        """Mode of the BRDF correction in force."""
        self._vegetation: NDArray[np.bool_] | None = None
        self._nir = "B08" if resolution == 10 else "B8A"
        self._root_offset: Float32 | None = None

    def correct(self, images: Mapping[str, BandImage]) -> dict[str, dict[str, float]]:
        """Fill the images with surface reflectance counts; return the land statistics of each band.

        Some bands at a time go through the strips together: what they share is computed once for each strip.
        """
        if needs_vegetation(self.brdf) and self._vegetation is None:
            self._vegetation = self._vegetation_of(images[_RED], images[self._nir])
        bands = tuple(images)
        statistics = {band: LandStatistics() for band in bands}
        for first in range(0, len(bands), TOGETHER):
            together = bands[first : first + TOGETHER]
            inversions = {band: self._prepare(band, images[band], self.brdf) for band in together}
            for strip in self._strips(images[bands[0]]):
                land = class_mask(strip.classes, LAND_CLASSES)
                for band, inversion in inversions.items():
                    corrected = inversion.corrected(np.asarray(images[band].dn[strip.rows]), strip)
                    images[band].out[strip.rows] = corrected
                    statistics[band].add(corrected, land)
        return {band: gathered.figures() for band, gathered in statistics.items()}

    def tell_vegetation(self, red: NDArray[Any], nir: NDArray[Any]) -> None:
        """Tell vegetation from soil, for the BRDF modes that need it, by corrected counts of the two bands."""
        self._vegetation = np.empty(red.shape, np.bool_)
        for rows in strips(red.shape[0]):
            self._vegetation[rows] = vegetation_of(red[rows], nir[rows], self._parameters.ac_vegetation_index_th)

    def _vegetation_of(self, red: BandImage, nir: BandImage) -> NDArray[np.bool_]:
        """Return the pixels that are vegetation in the two bands corrected without BRDF correction."""
        inversions = [(red, self._prepare(_RED, red, 0)), (nir, self._prepare(self._nir, nir, 0))]
        result = np.empty(red.dn.shape, np.bool_)
        for strip in self._strips(red):
            pair = [inversion.corrected(np.asarray(image.dn[strip.rows]), strip) for image, inversion in inversions]
            result[strip.rows] = vegetation_of(pair[0], pair[1], self._parameters.ac_vegetation_index_th)
        return result

    def _strips(self, image: BandImage) -> Iterator[ImageStrip]:
        return image_strips(self._maps.scl, image.dn.shape[0], self._aot_60m.shape[0], self.relief)

    def _root_offsets(self, band: str, coefficients: CoarseCoefficients) -> Float32 | None:
        """Return the water vapour that a band is corrected with, as its inversion takes it."""
        maps, grid, blocks = self._maps, self._scene.grid, self._aot_60m.shape
        if coefficients.water is None:
            return None
        root_column = coefficients.water.root_column
        if band == ABSORPTION_BAND:
            columns = surrounding_columns(maps.water_vapour, maps.scl != 0, self._scene.pixel_height_km)
            return root_offsets(columns, root_column, grid, blocks)
        if self._root_offset is None:  # the nodes' columns are those of all bands
            self._root_offset = root_offsets(maps.water_vapour, root_column, grid, blocks)
        return self._root_offset

    def _prepare(self, band: str, image: BandImage, brdf: int) -> BandInversion:
        parameters, wavelength, scene = self._parameters, self._parameters.wavelength, self._scene
        nodes = (self._aot_nodes, self._water_nodes)
        coefficients = band_coefficients(scene, band, *nodes)
        factor = scaling_of(self._maps.path_scaling_blue, wavelength[band], wavelength[BLUE_BAND])
        relief = relief_of_band(self.relief, scene, band, *nodes, parameters, brdf, self._vegetation)
        return prepare_band(
            image.dn,
            self._maps.scl,
            self._root_offsets(band, coefficients),
            self._aot_60m,
            scale_path(coefficients, factor),
            scene.grid,
            image.calibration,
            self.surroundings,
            relief=relief,
            second_step=parameters.rho_retrieval_step2,
        )
