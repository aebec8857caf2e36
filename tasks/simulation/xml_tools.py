"""Small helpers to build metadata documents in the layout of the PSD."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import numpy as np
from lxml import etree
from numpy.typing import NDArray

XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"


def element(tag: str, *content: object, **attributes: object) -> etree._Element:
    """Return an element: child elements are appended, None is left out, any other content becomes its text."""
    made = etree.Element(tag, {name: str(value) for name, value in attributes.items()})
    for item in content:
        if isinstance(item, etree._Element):
            made.append(item)
        elif item is not None:
            made.text = str(item)
    return made


def root(tag: str, namespace: str, sections: Iterable[etree._Element]) -> etree._Element:
    """Return a document's root ``n1:tag``; the sections move into its namespace, what is below them has none."""
    made = etree.Element(f"{{{namespace}}}{tag}", nsmap={"n1": namespace, "xsi": XSI})
    made.set(f"{{{XSI}}}schemaLocation", namespace)
    for section in sections:
        section.tag = f"{{{namespace}}}{section.tag}"
        made.append(section)
    return made


def document(made: etree._Element) -> bytes:
    """Return the XML file of a root element."""
    content: bytes = etree.tostring(made, xml_declaration=True, encoding="UTF-8", standalone=False, pretty_print=True)
    return content


def utc(time: datetime) -> str:
    """Return ISO time with milliseconds and ``Z``."""
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"


def number(value: float) -> str:
    """Return a number with as many digits as metadata carry."""
    return f"{value:.9g}"


def angle_values(tag: str, values: NDArray[np.floating], step_m: float) -> etree._Element:
    """Return ``Zenith`` or ``Azimuth`` with its node values, six digits each, NaN where there is none."""
    lines = (
        element("VALUES", " ".join("NaN" if np.isnan(value) else f"{value:.6g}" for value in row)) for row in values
    )
    return element(
        tag,
        element("COL_STEP", f"{step_m:.0f}", unit="m"),
        element("ROW_STEP", f"{step_m:.0f}", unit="m"),
        element("Values_List", *lines),
    )
