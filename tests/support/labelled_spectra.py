"""Spectra of known class at the top of the atmosphere: every surface, cloud, cirrus and snow under many atmospheres.

Surfaces go through the forward model of ``tasks.radiative_transfer``; a cloud is laid over the result with its opacity.
Each spectrum fills a square of 24 x 24 pixels of 20 m, of which the inner 8 x 8 are counted: no
neighbour reaches them. What is seen under one sun and one atmosphere makes one tile.

Two sets: ``TUNED``, on which the rules of the default mode were decided, and ``HELD_OUT``, on which nothing was: the
other platform, other suns, aerosol model, water vapour and heights, every surface twice with a random tilt and bend of
its spectrum, other opacities of cloud and strengths of cirrus.

Usage: python tests/support/labelled_spectra.py    prints, for both sets and both modes, the confusion matrix with
producer's and user's accuracy, and what is found of each kind of cloud.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.classification.classify import Surroundings, classify_tile
from tasks.classification.parameters import ClassificationParameters
from tasks.classification.sweep import DigitalNumberScale
from tasks.common.bands import BANDS
from tasks.radiative_transfer.atmosphere import toa_reflectance
from tasks.radiative_transfer.bands import integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.simulation.spectra import SPECTRA, Cover

SIDE, INNER = 24, slice(8, 16)
COLUMNS: Final = 60

# fmt: off
MORE: Final[dict[str, tuple[int, tuple[float, ...]]]] = {
    #                      B01   B02   B03   B04   B05   B06   B07   B08   B8A   B09   B10   B11   B12
    "senescent grass": (5, (.050, .065, .100, .135, .175, .210, .230, .250, .270, .280, .280, .330, .240)),
    "green grass":     (4, (.025, .035, .075, .055, .115, .310, .390, .400, .410, .410, .300, .230, .130)),
    "peat":            (5, (.035, .042, .055, .070, .085, .110, .130, .140, .150, .160, .170, .200, .170)),
    "concrete":        (5, (.190, .220, .260, .290, .305, .315, .320, .325, .330, .335, .340, .360, .340)),
    "metal roof":      (5, (.210, .230, .250, .265, .275, .285, .290, .300, .300, .300, .310, .330, .310)),
    "desert sand":     (5, (.130, .180, .270, .370, .400, .420, .430, .440, .450, .460, .500, .560, .520)),
    "bright sand":     (5, (.200, .260, .360, .450, .480, .500, .510, .520, .530, .540, .560, .620, .570)),
    "salt crust":      (5, (.270, .330, .410, .460, .480, .490, .490, .490, .480, .470, .420, .400, .300)),
    "sun glint":       (6, (.085, .085, .080, .076, .074, .073, .072, .070, .070, .070, .065, .062, .058)),
    "new snow":        (11, (.960, .960, .950, .950, .940, .930, .920, .910, .900, .880, .450, .170, .150)),
    "dirty snow":      (11, (.420, .450, .480, .500, .500, .495, .480, .470, .460, .440, .200, .090, .070)),
    "glacier ice":     (11, (.560, .590, .590, .540, .500, .450, .410, .380, .350, .310, .060, .030, .020)),
}
CLOUDS: Final[dict[str, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    # opacities, and reflectance of the opaque cloud at the top of the atmosphere
    "thick water cloud":  ((.95, .85), (.76, .76, .75, .75, .76, .77, .77, .77, .78, .45, .004, .58, .45)),
    "thin water cloud":   ((.60, .45), (.76, .76, .75, .75, .76, .77, .77, .77, .78, .45, .004, .58, .45)),
    "grey water cloud":   ((.90, .75), (.48, .48, .46, .46, .47, .48, .48, .48, .49, .28, .003, .40, .31)),
    "thick ice cloud":    ((.98, .90), (.80, .80, .79, .79, .79, .80, .80, .80, .80, .62, .220, .34, .26)),
    "thin ice cloud":     ((.60, .45), (.80, .80, .79, .79, .79, .80, .80, .80, .80, .62, .220, .34, .26)),
    "low water cloud":    ((.90, .60, .45), (.76, .76, .75, .75, .76, .77, .77, .77, .78, -1., .001, .58, .45)),
    "cloud under cirrus": ((.90, .75), (.48, .48, .46, .46, .47, .48, .48, .48, .49, .28, .003, .40, .31)),
}
# fmt: on
CLEAR_SQUARES: Final = 4
"""Squares of each clear surface, so that a tile is not overcast to 95 %."""

LOW_TOP_KM: Final = 1.0
"""Top of the low cloud above the ground; its B09 goes through the forward model with the vapour above that."""

CIRRUS: Final = (0.016, 0.022, 0.030)
"""B10 of thin cirrus."""

CIRRUS_GAIN: Final = np.array([1.0] * 11 + [0.6, 0.5], np.float32)
"""What cirrus adds to each band, per reflectance in B10 without vapour above: ice absorbs beyond 1.5 um."""

CIRRUS_OVER_CLOUD: Final = 0.022
BRIGHT: Final = ("urban", "sand", "concrete", "metal roof", "desert sand", "bright sand", "salt crust")
"""Ground that is bright enough to be taken for cloud."""


@dataclass(frozen=True)
class Conditions:
    """Under what the spectra are seen.

    Attributes:
        platform, aerosol: spectral responses and aerosol model.
        suns, aots, vapours, heights_km: every combination is made (sun zenith in degrees, water vapour in cm).
        draws: how often each surface is drawn; 0: once, as it is written.
        opacity: factor on the opacities of the clouds.
        cirrus: B10 of thin cirrus.
        above_cirrus: two-way transmittance of the vapour above it in B10.
        seed: of the draws and of the noise.
    """

    platform: str = "S2A"
    aerosol: str = "rural"
    suns: tuple[float, ...] = (25.0, 50.0, 68.0)
    aots: tuple[float, ...] = (0.08, 0.30)
    vapours: tuple[float, ...] = (0.6, 1.5, 3.0)
    heights_km: tuple[float, ...] = (0.0, 1.5)
    draws: int = 0
    opacity: float = 1.0
    cirrus: tuple[float, ...] = CIRRUS
    above_cirrus: float = 1.0
    seed: int = 1


TUNED: Final = Conditions()
HELD_OUT: Final = Conditions(
    platform="S2B", aerosol="maritime", suns=(33.0, 59.0), aots=(0.15,), vapours=(1.0, 4.0), heights_km=(0.6, 2.4),
    draws=4, opacity=0.93, cirrus=(0.018, 0.026), seed=2024,
)  # fmt: skip
TILT, BEND, LEVEL = 0.12, 0.08, 0.15
"""Spread of the logarithm of a drawn spectrum: from B01 to B12, at the middle, and as a whole."""

GROUPS: Final = {4: (4,), 5: (5,), 6: (6,), 8: (8, 9), 10: (10,), 11: (11,)}
"""Classes that count as right for each truth. 8 and 9 are two levels of confidence in one thing, opaque cloud; thin
cirrus is right as class 10 alone, and class 10 is wrong for opaque cloud."""


@dataclass(frozen=True)
class Labelled:
    """Spectra ``[n, 13]`` at the top of the atmosphere with their truth, names and the tile they are seen in."""

    names: list[str]
    truth: NDArray[np.uint8]
    reflectance: NDArray[np.float32]
    tile: NDArray[np.intp]


def surfaces() -> dict[str, tuple[int, tuple[float, ...]]]:
    """Return class and spectrum by name."""
    known = {cover.name.lower().replace("_", " "): (s.scene_class, s.reflectance) for cover, s in SPECTRA.items()}
    assert len(known) == len(Cover)
    return known | MORE


def drawn(spectra: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return spectra ``[n, 13]`` with a random level, tilt and bend each."""
    along = np.linspace(-0.5, 0.5, len(BANDS))
    level, tilt, bend = (rng.normal(0, s, (len(spectra), 1)) for s in (LEVEL, 2 * TILT, 4 * BEND))
    return np.clip(spectra * np.exp(level + tilt * along + bend * (along**2 - 0.1)), 0.002, 0.99).astype(np.float32)


def labelled_spectra(under: Conditions = TUNED) -> Labelled:
    """Return the whole set."""
    tables = integrate_bands(load_spectral_table(), default_responses(under.platform), under.aerosol)
    kinds = list(surfaces().items()) * max(under.draws, 1)
    ground = np.array([spectrum for _, (_, spectrum) in kinds], np.float32)
    if under.draws:
        ground = drawn(ground, np.random.default_rng(under.seed))
    result = Labelled([], np.zeros(0, np.uint8), np.zeros((0, len(BANDS)), np.float32), np.zeros(0, np.intp))
    for sun, aot, vapour, height in itertools.product(under.suns, under.aots, under.vapours, under.heights_km):
        toa = np.empty_like(ground)
        low = 0.0
        for index, band in enumerate(BANDS):
            geometry = tables.collapse(band, sun, 5.0, 100.0)
            toa[:, index] = toa_reflectance(geometry.terms(aot, height, vapour, 320.0), ground[:, index])
            if band == "B09":
                above = geometry.terms(aot, height + LOW_TOP_KM, vapour * np.exp(-LOW_TOP_KM / 2.0), 320.0)
                low = float(toa_reflectance(above, np.float32(0.78)))
        result = joined(result, under_one_sky(kinds, toa, low, under))
    return result


def joined(first: Labelled, second: Labelled) -> Labelled:
    """Return both; ``second`` makes the next tile."""
    tile = np.full(len(second.names), first.tile.max(initial=-1) + 1)
    return Labelled(
        first.names + second.names, np.concatenate([first.truth, second.truth]),
        np.concatenate([first.reflectance, second.reflectance]), np.concatenate([first.tile, tile]),
    )  # fmt: skip


def under_one_sky(
    kinds: list[tuple[str, tuple[int, tuple[float, ...]]]], toa: NDArray[np.float32], low: float, under: Conditions
) -> Labelled:
    """Return each surface clear, under each cloud and, but for snow, under each cirrus.

    Args:
        kinds: name, class and spectrum of each surface.
        toa: ``[n, 13]``, the surfaces at the top of the atmosphere.
        low: B09 of the opaque low cloud.
        under: opacities and strengths.
    """
    names: list[str] = []
    truth: list[int] = []
    spectra: list[NDArray[np.float32]] = []
    for (name, (code, _)), spectrum in zip(kinds, toa, strict=True):
        names += [name] * CLEAR_SQUARES
        truth += [code] * CLEAR_SQUARES
        spectra += [spectrum] * CLEAR_SQUARES
        for cloud, (opacities, opaque) in CLOUDS.items():
            top = np.array([low if value < 0 else value for value in opaque])
            for opacity in (under.opacity * value for value in opacities):
                seen = opacity * top + (1 - opacity) * spectrum
                if cloud == "cloud under cirrus":
                    seen = with_cirrus(seen, CIRRUS_OVER_CLOUD)
                names.append(cloud)
                truth.append(8)
                spectra.append(seen)
        if code != 11:
            for strength in under.cirrus:
                names.append("cirrus")
                truth.append(10)
                spectra.append(with_cirrus(spectrum, strength, under.above_cirrus))
    return Labelled(names, np.array(truth, np.uint8), np.array(spectra, np.float32), np.zeros(len(names), np.intp))


def with_cirrus(spectrum: NDArray[np.float32], b10: float, above: float = 1.0) -> NDArray[np.float32]:
    """Return a spectrum ``[13]`` under cirrus of that reflectance in B10, below vapour of that transmittance there."""
    own = b10 / above
    seen = spectrum * (1 - 1.5 * own) + CIRRUS_GAIN * own
    seen[BANDS.index("B10")] -= own - b10
    return np.asarray(seen, np.float32)


def classified(labelled: Labelled, *, classic: bool, seed: int = TUNED.seed) -> NDArray[np.uint8]:
    """Return the classes found, ``[n, 64]``: the inner pixels of each spectrum's square, with 1 % of noise."""
    rng = np.random.default_rng(seed)
    result = np.zeros((len(labelled.names), (INNER.stop - INNER.start) ** 2), np.uint8)
    for tile in range(int(labelled.tile.max()) + 1):
        mine = np.flatnonzero(labelled.tile == tile)
        result[mine] = one_tile(labelled.reflectance[mine], classic, rng)
    return result


def one_tile(spectra: NDArray[np.float32], classic: bool, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the classes found for spectra ``[n, 13]`` that lie in random order in one tile."""
    count = len(spectra)
    rows = -(-count // COLUMNS)
    place = np.zeros(rows * COLUMNS, np.intp)
    place[:count] = rng.permutation(count)
    fine = np.repeat(np.repeat(place.reshape(rows, COLUMNS), SIDE, axis=0), SIDE, axis=1)
    numbers = {}
    for index, band in enumerate(BANDS):
        values = spectra[:, index][fine]
        values = values * (1 + 0.01 * rng.standard_normal(values.shape, np.float32))
        numbers[band] = np.clip(np.round(values * 10000 + 1000), 1, 65534).astype(np.uint16)
    scale = DigitalNumberScale(dict.fromkeys(BANDS, -1000), 10000.0)
    around = Surroundings(snow_possible=True, snow_height_m=-500.0)
    found = classify_tile(numbers, scale, ClassificationParameters(sc_classic=classic), surroundings=around).classes
    squares = found.reshape(rows, SIDE, COLUMNS, SIDE).transpose(0, 2, 1, 3)[:, :, INNER, INNER]
    result = np.zeros((count, squares.shape[2] * squares.shape[3]), np.uint8)
    result[place[:count]] = squares.reshape(rows * COLUMNS, -1)[:count]
    return result


def matrix(labelled: Labelled, found: NDArray[np.uint8]) -> dict[int, NDArray[np.float64]]:
    """Return for each true class the shares of the classes 0..11 found."""
    return {
        int(code): np.bincount(found[labelled.truth == code].ravel(), minlength=12) / found[labelled.truth == code].size
        for code in np.unique(labelled.truth)
    }


def producers_accuracy(shares: dict[int, NDArray[np.float64]]) -> dict[int, float]:
    """Return for each true class of ``matrix`` the share that is found as it."""
    return {code: float(found[list(GROUPS[code])].sum()) for code, found in shares.items()}


def users_accuracy(shares: dict[int, NDArray[np.float64]]) -> dict[int, float]:
    """Return for each class of ``GROUPS`` the share of what is called so that is so.

    Each true class has the same weight: the set has no natural composition.
    """
    called = {code: {truth: float(s[list(GROUPS[code])].sum()) for truth, s in shares.items()} for code in shares}
    return {code: by_truth[code] / sum(by_truth.values()) for code, by_truth in called.items()}


def cloud_accuracy(labelled: Labelled, found: NDArray[np.uint8]) -> dict[str, float]:
    """Return for each kind of opaque cloud the share that is found as class 8 or 9."""
    names = np.array(labelled.names)
    return {cloud: float(np.isin(found[names == cloud], GROUPS[8]).mean()) for cloud in CLOUDS}


def bright_as_cloud(labelled: Labelled, found: NDArray[np.uint8]) -> float:
    """Return the share of bright ground that is found as cloud of any class."""
    return float(np.isin(found[np.isin(labelled.names, BRIGHT)], (8, 9, 10)).mean())


def main() -> None:
    """Print matrices, accuracies and the names that are found worst."""
    for (name, under), classic in itertools.product((("tuned", TUNED), ("held out", HELD_OUT)), (False, True)):
        labelled = labelled_spectra(under)
        found = classified(labelled, classic=classic, seed=under.seed)
        shares = matrix(labelled, found)
        right, sure = producers_accuracy(shares), users_accuracy(shares)
        print(f"\n{name}, {'classic' if classic else 'default'} mode, {len(labelled.names)} spectra; shares [%]\n")
        print("| truth | " + " | ".join(map(str, range(1, 12))) + " | producer's | user's |\n|" + " --- |" * 14)
        for code, found_as in shares.items():
            cells = [*found_as[1:], right[code], sure[code]]
            print(f"| {'8 + 9' if code == 8 else code} | " + " | ".join(f"{100 * cell:.1f}" for cell in cells) + " |")
        clouds = cloud_accuracy(labelled, found).items()
        print("\nas 8 or 9: " + ", ".join(f"{cloud} {100 * share:.1f}" for cloud, share in clouds))
        print(f"bright ground as cloud: {100 * bright_as_cloud(labelled, found):.1f}\n")
        print_worst(labelled, found)


def print_worst(labelled: Labelled, found: NDArray[np.uint8]) -> None:
    """Print the names of which less than 95 % are right."""
    names = np.array(labelled.names)
    for name in dict.fromkeys(labelled.names):
        mine = names == name
        code = int(labelled.truth[mine][0])
        right = float(np.isin(found[mine], GROUPS[code]).mean())
        if right < 0.95:
            others = np.bincount(found[mine].ravel(), minlength=12) / found[mine].size
            print(f"{name}: {100 * right:.0f} % right;", {c: round(100 * o) for c, o in enumerate(others) if o > 0.02})


if __name__ == "__main__":
    main()
