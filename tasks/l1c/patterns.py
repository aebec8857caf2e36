"""Names and identifiers of Level-1C products and the patterns that recognise them (PSD 14.8, sections 2.3 and 4)."""

from __future__ import annotations

import re
from typing import Final

OTHER_LEVEL: Final = re.compile(r"S2[A-Z]_(?:[A-Z]{4}_PRD_)?MSI(L0|L1A|L1B|L2A|L2H|L2F)[_A-Z0-9]", re.ASCII)

PRODUCT_METADATA: Final = re.compile(r"MTD_MSIL1C\.xml|S2[A-Z]_[A-Z]{4}_MTD_SAFL1C_\w+\.xml", re.ASCII)
TILE_METADATA: Final = re.compile(r"MTD_TL\.xml|S2[A-Z]_[A-Z]{4}_MTD_L1C_TL_\w+\.xml", re.ASCII)
DATASTRIP_METADATA: Final = re.compile(r"MTD_DS\.xml|S2[A-Z]_[A-Z]{4}_MTD_L1C_DS_\w+\.xml", re.ASCII)
OTHER_METADATA: Final = re.compile(
    r"MTD_MSI(L0|L1A|L1B|L2A)\.xml|S2[A-Z]_[A-Z]{4}_MTD_SAF(L0|L1A|L1B|L2A)_\w+\.xml", re.ASCII
)

BAND_IMAGE: Final = re.compile(r".+_(B\d\d|B8A|TCI)(?:\.jp2)?", re.ASCII | re.IGNORECASE)
"""Band of an image name, compact (``T32TNM_20170226T102021_B02``) or long (``S2A_OPER_MSI_L1C_TL_..._B02``)."""

AUXILIARY: Final = re.compile(r"(?:S2[A-Z_]_[A-Z]{4}_)?AUX_(ECMWF[TD]|CAMSFO|CAMSRE)(?:_\w+)?", re.ASCII)

FILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}", re.ASCII)
"""An identifier that is used to make file names: no separator, no leading dot, no blank."""

BASELINE: Final = re.compile(r"\d\d\.\d\d", re.ASCII)
SPACECRAFT: Final = re.compile(r"Sentinel-2[A-Z]", re.ASCII)
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z?", re.ASCII)
TILE_ID: Final = re.compile(
    r"S2[A-Z]_[A-Z0-9]{4}_MSI_L1C_TL_\w{4}_\d{8}T\d{6}_A(\d{6})_T(\d\d)([C-HJ-NP-X])([A-Z]{2})_N\d\d\.\d\d", re.ASCII
)
"""Groups: absolute orbit, UTM zone, latitude band, 100 km square."""
UTM_EPSG: Final = re.compile(r"EPSG:(32[67])(\d\d)", re.ASCII)
