"""The table against direct 6SV runs: ``python -m tasks.radiative_transfer.build.compare FILE.csv ...``.

The files are written by ``tasks.radiative_transfer.build.reference``. Printed are, per band, root mean squares (and
largest differences) in 1e-4 of reflectance. Gas absorption and spectral responses are those of 6SV, and its aerosol
types are solved on its levels and wavelengths, so that solver, coupling, grid and interpolation are what is compared.
``--without-levels`` shows what exponential profiles would give: it takes off what the levels of 6SV add, which
``tasks.radiative_transfer.build.sixs_levels`` wrote into the file. Needs none of the build packages.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import BANDS
from tasks.common.errors import InvalidInput
from tasks.common.spectral import SpectralResponse
from tasks.radiative_transfer.atmosphere import Terms, surface_reflectance, toa_reflectance
from tasks.radiative_transfer.bands import integrate_bands
from tasks.radiative_transfer.load import default_responses, load_spectral_table
from tasks.radiative_transfer.points import Points, evaluate_points

Array = NDArray[np.float32]
Float = NDArray[np.float64]

_STATE = ("sza_deg", "vza_deg", "raa_deg", "aot550", "water_vapour_cm", "ozone_du", "elevation_km", "rho_surface")
_TERMS = ("transmittance_down", "transmittance_up", "spherical_albedo", "gas_transmittance")


@dataclass(frozen=True, eq=False)
class Comparison:
    """Differences table minus 6SV of one file; arrays over its rows.

    Attributes:
        band: of the row.
        state: columns of the file.
        difference: by quantity: ``toa``, ``surface`` and the terms.
    """

    band: NDArray[np.str_]
    state: dict[str, Float]
    difference: dict[str, Float]

    def rms(self, quantity: str, band: str, keep: NDArray[np.bool_] | None = None) -> float:
        """Return the root mean square of a quantity in a band over the rows to keep."""
        chosen = (self.band == band) if keep is None else (self.band == band) & keep
        return float(np.sqrt(np.mean(self.difference[quantity][chosen] ** 2)))


def as_6s_places_it(response: SpectralResponse) -> SpectralResponse:
    """Return the response where 6S puts it: moved to the nearest point of its own 2.5 nm grid."""
    start = int((response.wavelength_nm[0] - 250.0) / 2.5 + 1.5)
    return SpectralResponse(250.0 + 2.5 * (start - 1 + np.arange(response.values.size)), response.values)


def compare(path: Path, aerosol: str, polarisation: bool = True, levels: bool = True) -> Comparison:
    """Evaluate the points of a file of 6SV runs.

    Args:
        path: the file.
        aerosol: type of the table.
        polarisation: with the polarisation term.
        levels: of 6SV, as the table has them; otherwise what they add, from the columns ``levels_*`` of the file, is
            subtracted.

    Raises:
        InvalidInput: the file has no such columns.
    """
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    platform, bands = rows[0]["platform"], [row["band"] for row in rows]
    columns = {
        name: np.array([float(row[name]) for row in rows]) for name in rows[0] if name not in ("platform", "band")
    }
    responses = {band: as_6s_places_it(response) for band, response in default_responses(platform).items()}
    tables = {platform: integrate_bands(load_spectral_table(), responses, aerosol, "6s", polarisation)}
    points = Points([platform] * len(rows), bands, *(columns[name] for name in (*_STATE, "toa_reflectance")))
    result = evaluate_points(points, tables)
    if not levels:
        if "levels_path" not in columns:
            raise InvalidInput(f"{path}: no columns levels_*, which tasks.radiative_transfer.build.sixs_levels adds")
        half = replace(points, water_vapour_cm=points.water_vapour_cm / 2.0)
        result = _without_levels(result, evaluate_points(half, tables)["gas_transmittance"], columns)
    difference = {name: result[name] - columns[name] for name in _TERMS}
    difference["toa"] = result["rho_toa"] - columns["toa_reflectance"]
    difference["surface"] = result["rho_surface_retrieved"] - columns["rho_surface"]
    return Comparison(np.array(bands), columns, difference)


def _without_levels(result: dict[str, Array], gas_of_half_water: Array, columns: dict[str, Float]) -> dict[str, Array]:
    """Return the columns as they would be on exponential profiles; 6SV lets half of the water act on the aerosol."""
    path = result["path_reflectance"] - columns["levels_path"] * gas_of_half_water
    down, up, albedo = (result[name] - columns[f"levels_{name}"] for name in _TERMS[:3])
    terms = Terms(path, down, up, up, albedo, result["gas_transmittance"])
    return result | {
        "transmittance_down": down,
        "transmittance_up": up,
        "spherical_albedo": albedo,
        "rho_toa": toa_reflectance(terms, columns["rho_surface"]),
        "rho_surface_retrieved": surface_reflectance(terms, columns["toa_reflectance"]),
    }


def report(comparison: Comparison) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = ["| band | TOA | surface | largest, sun above 20 degrees | gas |", "|---|---|---|---|---|"]
    high = comparison.state["sza_deg"] < 70.0
    for band in BANDS:
        values = [f"{1e4 * comparison.rms(name, band):.1f}" for name in ("toa", "surface", "gas_transmittance")]
        largest = np.abs(comparison.difference["surface"][(comparison.band == band) & high]).max()
        lines.append(f"| {band} | {values[0]} | {values[1]} | {1e4 * largest:.0f} | {values[2]} |")
    return lines


def main() -> None:
    """Print one table per file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--aerosol", default="continental", help="type of the table: continental, maritime_6s, desert")
    parser.add_argument("--scalar", action="store_true", help="without the polarisation term")
    parser.add_argument("--without-levels", action="store_true", help="as exponential profiles would have it")
    arguments = parser.parse_args()
    for path in arguments.files:
        found = compare(path, arguments.aerosol, not arguments.scalar, not arguments.without_levels)
        print(path, *report(found), sep="\n")


if __name__ == "__main__":
    main()
