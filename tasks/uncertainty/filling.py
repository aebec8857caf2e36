"""Fills the layers of one resolution in row strips, some bands at a time: what they share is computed once a strip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.surface_reflectance.coarse import RowSink, RowSource, strips
from tasks.surface_reflectance.lighting import SlopeLight
from tasks.surface_reflectance.terrain import Relief
from tasks.uncertainty.budget import LightVariance, reflectance_of_counts, to_counts, uncertainty_of_strip
from tasks.uncertainty.parameters import UncertaintyParameters
from tasks.uncertainty.slopes import slope_error


@dataclass(frozen=True, eq=False)
class BandLayer:
    """One band: corrected counts, variance, light on slopes (None over level ground), and where the layer goes."""

    dn: RowSource
    variance: LightVariance
    light: SlopeLight | None
    stored: RowSink


def fill_layers(
    bands: dict[str, BandLayer], relief: Relief | None, resolution: int, parameters: UncertaintyParameters
) -> dict[str, float]:
    """Fill the layers strip by strip, all bands of a strip together; return the mean over the valid pixels of each.

    Args:
        bands: layers of one resolution by band.
        relief: terrain; None for level ground.
        resolution: pixel size [m].
        parameters: uncertainty of slopes and sky.
    """
    totals = dict.fromkeys(bands, 0.0)
    numbers = dict.fromkeys(bands, 0)
    slope_deg, sky_share = parameters.slope_uncertainty_deg, parameters.sky_uncertainty
    for rows in strips(next(iter(bands.values())).dn.shape[0]):
        slopes = None if relief is None else relief.strip(rows)
        for band, layer in bands.items():
            counts = layer.dn[rows]
            received = error = None
            if slopes is not None and layer.light is not None:
                received = layer.light.received(slopes)
                error = slope_error(layer.light, slopes, received, slope_deg, sky_share)
            rho = reflectance_of_counts(counts)
            deviation = uncertainty_of_strip(rho, layer.variance, rows, resolution, received, error)
            nodata = counts == 0
            layer.stored[rows] = to_counts(deviation, nodata)
            deviation *= ~nodata
            totals[band] += float(deviation.sum(dtype=np.float64))
            numbers[band] += int(np.count_nonzero(counts))
    return {band: totals[band] / max(numbers[band], 1) for band in bands}
