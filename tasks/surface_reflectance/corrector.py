"""Corrects the bands of one resolution, one after the other, with what they share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.common.records import StageResult
from tasks.surface_reflectance.absorption_band import ABSORPTION_BAND, surrounding_columns
from tasks.surface_reflectance.brdf import needs_vegetation, vegetation_of
from tasks.surface_reflectance.coarse import strips
from tasks.surface_reflectance.coefficients import band_coefficients
from tasks.surface_reflectance.inputs import TileMaps, nodes_of_map
from tasks.surface_reflectance.inversion import Calibration, correct_band
from tasks.surface_reflectance.neighbourhood import block_means, describe_surroundings
from tasks.surface_reflectance.parameters import SurfaceReflectanceParameters
from tasks.surface_reflectance.path_scaling import BLUE_BAND, scale_path, scaling_of
from tasks.surface_reflectance.relief_inputs import brdf_mode, relief_of, relief_of_band
from tasks.surface_reflectance.scene import Scene

_RED = "B04"


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
        step2 = parameters.rho_retrieval_step2
        self.surroundings = describe_surroundings(scl, parameters.adj_km, maps.resolution) if step2 else None
        """Surroundings of the adjacency correction; None when it is left out."""
        self.relief = relief_of(dem, scene, scl, resolution, parameters, maps.resolution)
        """Terrain; None on level ground."""
        self.brdf = brdf_mode(parameters, self.relief, scl)
        """Mode of the BRDF correction in force."""
        self._vegetation: NDArray[np.bool_] | None = None
        self._nir = "B08" if resolution == 10 else "B8A"
        self._pair: dict[str, tuple[NDArray[Any], Calibration, NDArray[Any]]] = {}

    def order(self, bands: tuple[str, ...]) -> tuple[str, ...]:
        """Return the order of correction: red and near infrared first where they tell vegetation from soil."""
        if not needs_vegetation(self.brdf):
            return bands
        first = (_RED, self._nir)
        return (*first, *(band for band in bands if band not in first))

    def correct(self, band: str, dn: NDArray[np.uint16], calibration: Calibration, out: NDArray[Any]) -> None:
        """Fill ``out`` with the surface reflectance counts of a band.

        Red and near infrared of the BRDF modes that need vegetation are filled once the second of them is there.
        """
        if not needs_vegetation(self.brdf) or self._vegetation is not None:
            self._fill(band, dn, calibration, out, self.brdf)
            return
        self._fill(band, dn, calibration, out, 0)
        self._pair[band] = (dn, calibration, out)
        if len(self._pair) < 2:
            return
        self.tell_vegetation(self._pair[_RED][2], self._pair[self._nir][2])
        for name, (counts, scale, target) in self._pair.items():
            self._fill(name, counts, scale, target, self.brdf)
        self._pair.clear()

    def _columns(self, band: str) -> NDArray[np.uint16]:
        """Return the water vapour that a band is corrected with."""
        maps = self._maps
        if band != ABSORPTION_BAND:
            return maps.water_vapour
        return surrounding_columns(maps.water_vapour, maps.scl != 0, self._scene.pixel_height_km)

    def tell_vegetation(self, red: NDArray[Any], nir: NDArray[Any]) -> None:
        """Tell vegetation from soil, for the BRDF modes that need it, by corrected counts of the two bands."""
        self._vegetation = np.empty(red.shape, np.bool_)
        for rows in strips(red.shape[0]):
            self._vegetation[rows] = vegetation_of(red[rows], nir[rows], self._parameters.ac_vegetation_index_th)

    def _fill(self, band: str, dn: NDArray[np.uint16], calibration: Calibration, out: NDArray[Any], brdf: int) -> None:
        parameters, wavelength = self._parameters, self._parameters.wavelength
        factor = scaling_of(self._maps.path_scaling_blue, wavelength[band], wavelength[BLUE_BAND])
        coefficients = band_coefficients(self._scene, band, self._aot_nodes, self._water_nodes)
        relief = relief_of_band(
            self.relief,
            self._scene,
            band,
            self._aot_nodes,
            self._water_nodes,
            parameters,
            brdf,
            self._vegetation,
        )
        correct_band(
            dn,
            self._maps.scl,
            self._columns(band),
            self._aot_60m,
            scale_path(coefficients, factor),
            self._scene.grid,
            calibration,
            self.surroundings,
            out,
            relief=relief,
            second_step=parameters.rho_retrieval_step2,
        )
