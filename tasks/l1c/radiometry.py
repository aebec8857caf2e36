"""Per-band radiometric lists of the metadata; product and datastrip files hold the same elements (PSD 14.8)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.common.bands import BANDS
from tasks.common.spectral import SpectralResponse
from tasks.common.xml import Node

_MAX_OFFSET: Final = 32767
_FIRST_BASELINE_WITH_OFFSETS: Final = "04.00"
_SHORTEST_RESPONSE: Final = 0.9
"""Share of the announced number of response values that must be there."""


def band_of(node: Node, attribute: str = "bandId") -> str:
    """Return the band name of an element's ``bandId`` (0..12).

    Raises:
        InvalidInput: the attribute is missing or names no band.
    """
    text = node.attribute(attribute)
    if not text.isascii() or not text.isdigit() or int(text) >= len(BANDS):
        raise node.error("", f"{attribute}='{text[:20]}' is no band, expected 0 to {len(BANDS) - 1}")
    return BANDS[int(text)]


def _by_band(parent: Node, name: str, attribute: str) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for node in parent.all(name):
        band = band_of(node, attribute)
        if band in nodes:
            raise node.error("", f"occurs twice for band {band}")
        nodes[band] = node
    return nodes


def _all_bands(parent: Node, name: str, nodes: dict[str, Node]) -> None:
    missing = [band for band in BANDS if band not in nodes]
    if missing:
        raise parent.error(name, f"is missing for band {', '.join(missing)}")


def radiometric_offsets(image_info: Node, baseline: str) -> dict[str, int]:
    """Return RADIO_ADD_OFFSET per band [DN]; zeros where the product was made before baseline 04.00.

    Raises:
        InvalidInput: a baseline with offsets has none, not for all bands, or a value beyond +-32767.
    """
    parent = image_info.find("Radiometric_Offset_List")
    if parent is None:
        if baseline >= _FIRST_BASELINE_WITH_OFFSETS:
            raise image_info.error("Radiometric_Offset_List", f"is missing, baseline {baseline} has offsets")
        return dict.fromkeys(BANDS, 0)
    nodes = _by_band(parent, "RADIO_ADD_OFFSET", "band_id")
    _all_bands(parent, "RADIO_ADD_OFFSET", nodes)
    offsets = {band: nodes[band].integer() for band in BANDS}
    for band, offset in offsets.items():
        if abs(offset) > _MAX_OFFSET:
            raise nodes[band].error("", f"is {offset} for band {band}, expected -{_MAX_OFFSET} to {_MAX_OFFSET}")
    return offsets


def quantification_value(image_info: Node) -> float:
    """Return the DN of reflectance 1.

    Raises:
        InvalidInput: missing, no number, or not above zero.
    """
    value = image_info.number("QUANTIFICATION_VALUE")
    if value <= 0:
        raise image_info.error("QUANTIFICATION_VALUE", f"is {value}, expected a number above 0")
    return value


def solar_irradiance(image_info: Node) -> dict[str, float]:
    """Return the mean solar irradiance per band [W m-2 um-1].

    Raises:
        InvalidInput: missing for a band, or not above zero.
    """
    path = "Reflectance_Conversion/Solar_Irradiance_List"
    parent = image_info.child(path)
    nodes = _by_band(parent, "SOLAR_IRRADIANCE", "bandId")
    _all_bands(parent, "SOLAR_IRRADIANCE", nodes)
    values = {band: nodes[band].number() for band in BANDS}
    for band, value in values.items():
        if value <= 0:
            raise nodes[band].error("", f"is {value} for band {band}, expected a number above 0")
    return values


def spectral_responses(image_info: Node) -> dict[str, SpectralResponse]:
    """Return the relative spectral response per band; empty where the product has none.

    Raises:
        InvalidInput: responses for some bands only, or one that is no response (see :func:`_response`).
    """
    parent = image_info.find("Spectral_Information_List")
    if parent is None:
        return {}
    nodes = _by_band(parent, "Spectral_Information", "bandId")
    nodes = {band: node for band, node in nodes.items() if node.find("Spectral_Response") is not None}
    if not nodes:
        return {}
    _all_bands(parent, "Spectral_Information/Spectral_Response", nodes)
    return {band: _response(nodes[band], band) for band in BANDS}


def _response(node: Node, band: str) -> SpectralResponse:
    first = node.number("Wavelength/MIN")
    last = node.number("Wavelength/MAX")
    step = node.number("Spectral_Response/STEP")
    values = node.numbers("Spectral_Response/VALUES")
    if not (0 < first < last and 0 < step <= last - first):
        raise node.error("", f"band {band} from {first} to {last} nm in steps of {step} nm is no wavelength range")
    if not np.isfinite(values).all() or values.min() < 0 or values.max() <= 0:
        raise node.error("Spectral_Response/VALUES", f"of band {band} must be >= 0 and not all zero")
    expected = round((last - first) / step) + 1
    if not _SHORTEST_RESPONSE * expected <= len(values) <= expected:
        raise node.error("Spectral_Response/VALUES", f"has {len(values)} values for band {band}, expected {expected}")
    wavelength: NDArray[np.float64] = first + step * np.arange(len(values), dtype=np.float64)
    response = SpectralResponse(wavelength_nm=wavelength, values=values)
    missing = expected - len(values)
    if missing == 0:
        return response
    # Products up to baseline 02.06 leave out the zeros inside two responses (S2A B02 and B08). Only the central
    # wavelength tells where the listed values belong.
    steps_off = round((node.number("Wavelength/CENTRAL") - response.centre_nm) / step)
    shifted = np.asarray(wavelength + step * min(max(steps_off, 0), missing), dtype=np.float64)
    return SpectralResponse(wavelength_nm=shifted, values=values)


def physical_gains(image_info: Node) -> dict[str, float]:
    """Return the physical gains per band; empty where the product has none (they do not enter the correction)."""
    return {band: node.number() for band, node in _by_band(image_info, "PHYSICAL_GAINS", "bandId").items()}
