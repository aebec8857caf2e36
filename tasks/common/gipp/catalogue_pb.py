"""The elements of ``L2A_PB_GIPP.xml``, the number of the processing baseline.

Names and places: Sen2Cor 2.8 schema ``L2A_PB_GIPP.xsd``.
"""

from __future__ import annotations

from typing import Final

from tasks.common.gipp.schema import Element, Kind

ROOT: Final = "GS2_PROCESSING_BASELINE_PARAMETERS"

ELEMENTS: Final[tuple[Element, ...]] = (
    Element("Idp_Sc_Name", "DATA/Idp_Sc_List", Kind.TEXT, "Sen2Cor", meaning="name of the processor"),
    Element("Idp_Sc_Version", "DATA/Idp_Sc_List", Kind.TEXT, "02.11.00", meaning="version of the processor"),
    Element("Baseline_Version", "DATA", Kind.NUMBER, 99.99, minimum=0, maximum=99.99,
            pattern=r"[0-9]{1,2}(\.[0-9]{1,2})?",
            meaning="processing baseline of the product, dd.dd; 99.99 becomes N9999 in its name"),
)  # fmt: skip
