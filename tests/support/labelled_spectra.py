"""Spectra of known class at the top of the atmosphere: every surface, cloud, cirrus and snow under many atmospheres.

Surfaces go through the forward model of ``tasks.radiative_transfer``; a cloud is laid over the result with its opacity.
Each spectrum fills a square of 24 x 24 pixels of 20 m, of which the inner 8 x 8 are counted: no
neighbour reaches them.

Two sets: ``TUNED``, on which the rules of the default mode were decided, and ``HELD_OUT``, on which nothing was: the
other platform, other suns, aerosol model, water vapour and heights, every surface twice with a random tilt and bend of
its spectrum, other opacities of cloud and strengths of cirrus.

Usage: python tests/support/labelled_spectra.py    prints the confusion matrix of both modes for both sets.
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
}
# fmt: on
CIRRUS: Final = (0.016, 0.022, 0.030)
"""B10 of thin cirrus; the visible bands gain as much, the short-wave infrared 60 %."""


@dataclass(frozen=True)
class Conditions:
    """Under what the spectra are seen.

    Attributes:
        platform, aerosol: spectral responses and aerosol model.
        suns, aots, vapours, heights_km: every combination is made (sun zenith in degrees, water vapour in cm).
        draws: how often each surface is drawn; 0: once, as it is written.
        opacity: factor on the opacities of the clouds.
        cirrus: B10 of thin cirrus.
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
    seed: int = 1


TUNED: Final = Conditions()
HELD_OUT: Final = Conditions(
    platform="S2B", aerosol="maritime", suns=(33.0, 59.0), aots=(0.15,), vapours=(1.0, 4.0), heights_km=(0.6, 2.4),
    draws=4, opacity=0.93, cirrus=(0.018, 0.026), seed=2024,
)  # fmt: skip
TILT, BEND, LEVEL = 0.12, 0.08, 0.15
"""Spread of the logarithm of a drawn spectrum: from B01 to B12, at the middle, and as a whole."""

GROUPS: Final = {4: (4,), 5: (5,), 6: (6,), 8: (8, 9), 10: (10, 8, 9), 11: (11,)}
"""Classes that count as right for each truth: 8 and 9 are one kind, and thick cirrus is class 8 by definition."""


@dataclass(frozen=True)
class Labelled:
    """Spectra ``[n, 13]`` at the top of the atmosphere with their truth and names."""

    names: list[str]
    truth: NDArray[np.uint8]
    reflectance: NDArray[np.float32]


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
    names: list[str] = []
    truth: list[int] = []
    spectra: list[NDArray[np.float32]] = []
    for sun, aot, vapour, height in itertools.product(under.suns, under.aots, under.vapours, under.heights_km):
        toa = np.empty_like(ground)
        for index, band in enumerate(BANDS):
            terms = tables.collapse(band, sun, 5.0, 100.0).terms(aot, height, vapour, 320.0)
            toa[:, index] = toa_reflectance(terms, ground[:, index])
        for (name, (code, _)), spectrum in zip(kinds, toa, strict=True):
            names.append(name)
            truth.append(code)
            spectra.append(spectrum)
            for cloud, (opacities, opaque) in CLOUDS.items():
                for opacity in (under.opacity * value for value in opacities):
                    names.append(cloud)
                    truth.append(8)
                    spectra.append((opacity * np.array(opaque) + (1 - opacity) * spectrum).astype(np.float32))
            if code != 11:
                for strength in under.cirrus:
                    gain = np.where(np.arange(len(BANDS)) < 10, 1.0, [0] * 10 + [1.0, 0.6, 0.5]) * strength
                    names.append("cirrus")
                    truth.append(10)
                    spectra.append((spectrum * (1 - 1.5 * strength) + gain).astype(np.float32))
    return Labelled(names, np.array(truth, np.uint8), np.array(spectra, np.float32))


def classified(labelled: Labelled, *, classic: bool, seed: int = TUNED.seed) -> NDArray[np.uint8]:
    """Return the classes found, ``[n, 64]``: the inner pixels of each spectrum's square, with 1 % of noise."""
    rng = np.random.default_rng(seed)
    count = len(labelled.names)
    rows = -(-count // COLUMNS)
    place = np.zeros(rows * COLUMNS, np.intp)
    place[:count] = rng.permutation(count)
    fine = np.repeat(np.repeat(place.reshape(rows, COLUMNS), SIDE, axis=0), SIDE, axis=1)
    numbers = {}
    for index, band in enumerate(BANDS):
        values = labelled.reflectance[:, index][fine]
        values = values * (1 + 0.01 * rng.standard_normal(values.shape))
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


def main() -> None:
    """Print the matrices and the names that are found worst."""
    for (name, under), classic in itertools.product((("tuned", TUNED), ("held out", HELD_OUT)), (False, True)):
        labelled = labelled_spectra(under)
        found = classified(labelled, classic=classic, seed=under.seed)
        print(f"\n{name}, {'classic' if classic else 'default'} mode, {len(labelled.names)} spectra; shares [%]\n")
        print("| truth | " + " | ".join(map(str, range(1, 12))) + " | right |\n|" + " --- |" * 13)
        for code, shares in matrix(labelled, found).items():
            right = shares[list(GROUPS[code])].sum()
            print(f"| {code} | " + " | ".join(f"{100 * s:.1f}" for s in shares[1:]) + f" | {100 * right:.1f} |")
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
