"""The AOT retrieval from start to map: selection, inversion, checks, fall-backs, smoothing.

Dark dense vegetation comes first; without it the value of CAMS, then bright dense vegetation, then the start visibility
(Sen2Cor 3 sources, AtmCorr).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.aot.blue import BLUE, BluePath, blue_scaling, path_ratios
from tasks.aot.bright_vegetation import reference_pixels, visibility_of_references
from tasks.aot.consistency import ConsistencyChecker, Samples, check_visibility
from tasks.aot.inversion import SMALLEST_AOT, TargetAot, Targets, invert_targets
from tasks.aot.mapping import fill_gaps, smooth_map
from tasks.aot.multiband import LAND_BANDS, invert_several
from tasks.aot.multiband import WATER_BANDS as SWIR_WATER_BANDS
from tasks.aot.parameters import AotParameters
from tasks.aot.vegetation import WATER, DarkVegetation, far_from_clouds, select_dark_vegetation
from tasks.aot.visibility import CLEAREST_STEP_KM, SMALLEST_VISIBILITY_KM, aot_from_visibility, visibility_from_aot
from tasks.radiative_transfer.environment import molecular_share
from tasks.surface_reflectance.coarse import Float32, shrink
from tasks.surface_reflectance.coefficients import linear_coefficients
from tasks.surface_reflectance.inversion import Calibration, to_reflectance
from tasks.surface_reflectance.neighbourhood import (
    GRID_M,
    block_means,
    class_mask,
    describe_surroundings,
    surroundings_mean,
)
from tasks.surface_reflectance.scene import Scene
from tasks.water_vapour.apda import retrieve_columns
from tasks.water_vapour.mapping import LAND_CLASSES, usable_blocks

CHECKED_CLASSES = (4, 5)
_BRIGHTEST_SWIR = 0.25
"""Top-of-atmosphere reflectance B12 up to which land takes part in the inversion of several bands."""
_RETRIEVAL_NOISE = 0.005
_SUBSTITUTES = {"CAMS": (0.03, 0.3), "BRIGHT": (0.05, 0.3), "DEFAULT": (0.05, 0.5)}
"""Standard deviation of the AOT of what stands in for the retrieval: smallest value, share of the AOT."""


@dataclass(frozen=True, eq=False)
class AotCounts:
    """Level-1C counts: B03, B04, B8A, B12 (and B02) on the grid of the maps (20 or 60 m), B09 at 60 m, and how they
    become reflectance.

    Without B02 the blue check, the choice of the aerosol type and the path scaling are left out.
    """

    on_map: dict[str, NDArray[np.uint16]]
    b09_60m: NDArray[np.uint16]
    calibrations: dict[str, Calibration]

    @property
    def per_block(self) -> int:
        """Pixels of the map along the side of a 60 m block."""
        return int(self.on_map["B04"].shape[0] // self.b09_60m.shape[0])

    def block_reflectance(self, band: str, used: NDArray[np.bool_]) -> Float32:
        """Return the top-of-atmosphere reflectance of the 60 m blocks: the mean of their used pixels."""
        return to_reflectance(block_means(self.on_map[band], used, GRID_M // self.per_block), self.calibrations[band])

    def centres(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the middle pixel of each 60 m block."""
        centre = slice(self.per_block // 2, None, self.per_block)
        return np.asarray(values[centre, centre])


Method = Literal["SEN2COR_DDV", "SEN2FLOW_MULTIBAND", "CAMS", "DEFAULT"]


@dataclass(frozen=True, eq=False)
class Alternatives:
    """What may stand in for dark vegetation.

    Attributes:
        cams_aot550: of the weather model above its own surface; None when there is none.
        cams_height_km: height of that surface.
        level: ``[rows, cols]`` at 60 m, nearly level ground; None without terrain.
    """

    cams_aot550: float | None = None
    cams_height_km: float | None = None
    level: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class AotResult:
    """AOT ``[rows, cols]`` at 60 m (not yet limited), ``AOT_RETRIEVAL_METHOD`` and figures about the way to it.

    ``dark_vegetation`` is what was selected, ``[rows, cols]`` as the scene classification; ``blue`` compares the path
    reflectance with that over it, None without it.
    """

    aot550: Float32
    method: Method
    statistics: dict[str, Any]
    dark_vegetation: NDArray[np.bool_]
    blue: BluePath | None = None


def retrieve(
    scene: Scene,
    counts: AotCounts,
    scl: NDArray[np.uint8],
    parameters: AotParameters,
    start_column_cm: float,
    alternatives: Alternatives | None = None,
) -> AotResult:
    """Return the AOT of a tile.

    Args:
        scene: geometry, height and ozone.
        counts: Level-1C counts.
        scl: ``[rows, cols]`` scene classification, on the grid of the maps.
        parameters: limits and switches.
        start_column_cm: water vapour column from which a first estimate starts [cm].
        alternatives: to dark vegetation.
    """
    start_aot = aot_from_visibility(parameters.visibility, scene.height_km).astype(np.float32)
    water = _first_water_vapour(scene, counts, scl, start_aot, start_column_cm)
    vegetation = select_dark_vegetation(
        {band: counts.on_map[band] for band in ("B04", "B8A", "B12")},
        counts.calibrations,
        scl,
        linear_coefficients(scene.atmosphere("B12").terms(start_aot, water)),
        scene.grid,
        scene.sun_zenith_deg,
        parameters,
    )
    surroundings = _mean_surroundings(scene, counts, scl, parameters, start_aot, water)
    targets = _targets(counts, vegetation, surroundings)
    if parameters.aot_inversion == "MULTIBAND":
        land, lake = _several_targets(counts, scl, surroundings)
        found = invert_several(scene, land, lake, water)
    else:
        found = _invert(scene, targets, vegetation, parameters, water)
    checker = ConsistencyChecker(scene, _samples(counts, scl, vegetation, surroundings), water)
    prior = _first_visibility(scene, checker, found, parameters, alternatives or Alternatives())
    checked = check_visibility(
        checker, prior.visibility_km, parameters.ac_cut_off_aot_iter_vegetation, parameters.ac_cut_off_aot_iter_water
    )
    blue = None
    if found.mean is not None and BLUE in counts.on_map and (targets.share > 0).any():
        blue = path_ratios(scene, targets, max(found.mean, SMALLEST_AOT), water, parameters)
    return AotResult(
        _map(scene, found, scl, parameters, prior.visibility_km, checked),
        prior.method,
        {
            "visibility_km": checked,
            "start_visibility_km": parameters.visibility,
            "ddv_percentage": vegetation.percentage,
            "ddv_reflectance_limit": vegetation.reflectance_limit,
            "ddv_mean_aot": found.mean,
            "aot_uncertainty": _uncertainty(scene, found, prior),
            "aot_per_gain": found.per_gain,
            "ddv_solved_percentage": _solved_percentage(found, targets),
            "visibility_before_checks_km": prior.visibility_km,
            "first_water_vapour_cm": float(water.mean()),
            "bright_vegetation": prior.bright_vegetation,
            "blue_path_ratio": None if blue is None else blue.blue,
            "path_scaling_blue": 1.0
            if blue is None
            else blue_scaling(blue.blue, vegetation.percentage, prior.references_permille, parameters),
        },
        vegetation.mask,
        blue,
    )


@dataclass(frozen=True)
class _Prior:
    """The scene's visibility before the checks, and where it comes from."""

    visibility_km: float
    method: Method
    bright_vegetation: bool = False
    references_permille: float = 0.0


def _first_visibility(
    scene: Scene,
    checker: ConsistencyChecker,
    found: TargetAot,
    parameters: AotParameters,
    alternatives: Alternatives,
) -> _Prior:
    """Return the visibility of the first source that has one."""
    if found.mean is not None:
        height = scene.mean_height_km
        visibility = float(visibility_from_aot(max(found.mean, SMALLEST_AOT), height))
        return _Prior(visibility, "SEN2COR_DDV" if parameters.aot_inversion == "DDV" else "SEN2FLOW_MULTIBAND")
    if alternatives.cams_aot550 is not None and alternatives.cams_height_km is not None:
        aot = max(alternatives.cams_aot550, SMALLEST_AOT)
        visibility = float(visibility_from_aot(aot, alternatives.cams_height_km))
        return _Prior(min(max(visibility, SMALLEST_VISIBILITY_KM), CLEAREST_STEP_KM), "CAMS")
    references = reference_pixels(checker, parameters, alternatives.level)
    from_references = visibility_of_references(checker, references, parameters)
    share = 1000.0 * float(references.mean())
    if from_references is not None:
        return _Prior(from_references, "DEFAULT", True, share)
    return _Prior(parameters.visibility, "DEFAULT", False, share)


def _solved_percentage(found: TargetAot, targets: Targets) -> float:
    """Return the share of the 60 m blocks with vegetation targets that have a solution [%]."""
    blocks = int(np.count_nonzero(targets.share))
    return 100.0 * int(np.count_nonzero(found.solved)) / max(blocks, 1)


def _first_water_vapour(
    scene: Scene, counts: AotCounts, scl: NDArray[np.uint8], aot550: Float32, start_column_cm: float
) -> Float32:
    """Return the water vapour at the nodes for the start AOT: B12 and B04 need it before the proper retrieval."""
    column, valid = retrieve_columns(
        scene,
        counts.block_reflectance("B8A", scl != 0),
        to_reflectance(counts.b09_60m, counts.calibrations["B09"]),
        usable_blocks(scl, LAND_CLASSES, counts.b09_60m),
        aot550,
        start_column_cm,
    )
    if not valid.any():
        return np.full(scene.grid.shape, start_column_cm, np.float32)
    return scene.grid.area_mean(column, valid, 60)


def _mean_surroundings(
    scene: Scene,
    counts: AotCounts,
    scl: NDArray[np.uint8],
    parameters: AotParameters,
    start_aot: Float32,
    water: Float32,
) -> dict[str, Float32] | None:
    """Return the top-of-atmosphere reflectance averaged over the surroundings of each 60 m block, per 20 m band.

    Step 1 of the inversion is linear and its coefficients are smooth, so the mean may be taken before the atmosphere is
    known. Molecules and aerosol scatter it in the proportion of the start visibility.
    """
    surroundings = describe_surroundings(
        scl, parameters.adj_km, GRID_M // counts.per_block, parameters.adjacency_kernel
    )
    if surroundings is None:
        return None
    means = {}
    for band in counts.on_map:
        atmosphere = scene.atmosphere(band)
        share = molecular_share(atmosphere.terms(start_aot, water), atmosphere.terms(0.0, water))
        toa = counts.block_reflectance(band, surroundings.used)
        on_blocks = scene.grid.upsample(share, GRID_M, slice(0, toa.shape[0]), toa.shape[1])
        means[band] = surroundings_mean(toa, surroundings, on_blocks)
    return means


def _uncertainty(scene: Scene, found: TargetAot, prior: _Prior) -> float:
    """Return one standard deviation of the scene's AOT [-], by what it stands on.

    The aerosol type is taken for right. CAMS, bright vegetation and the start visibility: round numbers of ours, of the
    size of the deviation of CAMS from sun photometers (Inness et al. 2019, doi:10.5194/acp-19-3515-2019) and of the
    spread of the AOT over land.
    """
    if found.mean is not None:
        return float(np.hypot(found.uncertainty, _RETRIEVAL_NOISE))
    aot = float(aot_from_visibility(prior.visibility_km, scene.mean_height_km))
    floor, share = _SUBSTITUTES["BRIGHT" if prior.bright_vegetation else prior.method]
    return float(np.hypot(floor, share * aot))


def _several_targets(
    counts: AotCounts, scl: NDArray[np.uint8], surroundings: dict[str, Float32] | None
) -> tuple[Targets, Targets | None]:
    """Return clear land and, where the counts hold B11, the darker half of the clear water of a tile."""
    far = far_from_clouds(scl, GRID_M // counts.per_block)

    def targets(bands: tuple[str, ...], classes: tuple[int, ...]) -> Targets:
        mask = class_mask(scl, classes)
        share = shrink(mask, counts.per_block)
        share[(share < 1) | ~far] = 0
        return Targets(share, {band: counts.block_reflectance(band, mask) for band in bands}, surroundings)

    land = targets(LAND_BANDS, CHECKED_CLASSES)
    land.share[land.toa["B12"] > _BRIGHTEST_SWIR] = 0
    if "B11" not in counts.on_map:
        return land, None
    water = targets(SWIR_WATER_BANDS, (WATER,))
    inside = water.share > 0
    if not inside.any():
        return land, None
    water.share[water.toa["B8A"] > np.median(water.toa["B8A"][inside])] = 0
    return land, water


def _targets(counts: AotCounts, vegetation: DarkVegetation, surroundings: dict[str, Float32] | None) -> Targets:
    """Return the selected vegetation, averaged over the 60 m blocks."""
    toa: dict[str, Float32] = {
        band: counts.block_reflectance(band, vegetation.mask) for band in ("B04", "B12", BLUE) if band in counts.on_map
    }
    return Targets(shrink(vegetation.mask, counts.per_block), toa, surroundings)


def _invert(
    scene: Scene, targets: Targets, vegetation: DarkVegetation, parameters: AotParameters, water: Float32
) -> TargetAot:
    """Return the AOT of the selected vegetation."""
    share = targets.share
    if vegetation.reflectance_limit is None:
        return TargetAot(np.zeros(share.shape, np.float32), np.zeros(share.shape, np.bool_), None)
    return invert_targets(scene, targets, parameters.ac_swir_22um_red_refl_ratio, water)


def _samples(
    counts: AotCounts,
    scl: NDArray[np.uint8],
    vegetation: DarkVegetation,
    surroundings: dict[str, Float32] | None,
) -> Samples:
    """Return the centre pixels of the 60 m blocks for the checks.

    Dark dense vegetation is left out of the land: the inversion itself has set its red reflectance.
    """
    centre, dark = counts.centres(scl), counts.centres(vegetation.mask)
    toa: dict[str, Float32] = {
        band: to_reflectance(counts.centres(counts.on_map[band]), counts.calibrations[band])
        for band in ("B03", "B04", "B8A")
    }
    return Samples(toa, surroundings, class_mask(centre, CHECKED_CLASSES) & ~dark, dark)


def _map(
    scene: Scene,
    targets: TargetAot,
    scl: NDArray[np.uint8],
    parameters: AotParameters,
    visibility_km: float,
    checked_km: float,
) -> Float32:
    """Return the AOT map at 60 m, shifted to the checked visibility when the checks have raised it."""
    shape = targets.aot550.shape
    if targets.mean is None:
        nodes = aot_from_visibility(checked_km, scene.height_km).astype(np.float32)
        return scene.grid.upsample(nodes, 60, slice(0, shape[0]), shape[1])
    height = scene.mean_height_km
    shift = 0.0
    if checked_km > visibility_km:
        shift = float(aot_from_visibility(checked_km, height) - aot_from_visibility(visibility_km, height))
    if parameters.vis_update_mode == 0:
        return np.full(shape, targets.mean + shift, np.float32)
    valid = shrink(np.asarray(scl) != 0, scl.shape[0] // shape[0]) > 0
    filled = fill_gaps(targets.aot550, targets.solved, targets.mean)
    return smooth_map(filled, valid, parameters.ac_ddv_smooting_window) + np.float32(shift)
