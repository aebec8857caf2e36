"""Small words for building XML trees: elements, copies without their old namespace, documents."""

from __future__ import annotations

import copy
from typing import Final

from lxml import etree

XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
PSD: Final = "https://psd-14.sentinel2.eo.esa.int/PSD/"
"""Namespace host of the PSD 14.8 structures, whatever the Level-1C product's own was."""


def add(parent: etree._Element, tag: str, text: str | None = None, **attributes: str) -> etree._Element:
    """Append an element to ``parent`` and return it."""
    child = etree.SubElement(parent, tag, attributes)
    child.text = text
    return child


def find(parent: etree._Element, path: str) -> etree._Element | None:
    """Return the first element at ``path`` (local names joined by ``/``), whatever the namespaces."""
    found: etree._Element | None = parent.find("/".join("{*}" + step for step in path.split("/")))
    return found


def find_or_empty(parent: etree._Element, path: str) -> etree._Element:
    """Return the first element at ``path``, or an empty one where there is none."""
    found = find(parent, path)
    return etree.Element("absent") if found is None else found


def text_at(parent: etree._Element, path: str, default: str) -> str:
    """Return the stripped text at ``path``, or the default where there is none."""
    found = find(parent, path)
    return (found.text or "").strip() or default if found is not None else default


def add_copy(parent: etree._Element, source: etree._Element, path: str) -> etree._Element | None:
    """Append a copy of the element at ``path`` below ``source``; None where there is no such element."""
    found = find(source, path)
    return None if found is None else append_copy(parent, found)


def append_copy(parent: etree._Element, element: etree._Element) -> etree._Element:
    """Append a copy of an element, its name and those of its children without a namespace."""
    duplicate = copy.deepcopy(element)
    duplicate.tail = None
    for item in duplicate.iter(etree.Element):
        item.tag = etree.QName(item).localname
    parent.append(duplicate)
    return duplicate


def psd_root(tag: str, file: str) -> etree._Element:
    """Return the root of a PSD document; ``file`` ends its namespace, e.g. ``User_Product_Level-2A.xsd``."""
    namespace = PSD + file
    root = etree.Element(f"{{{namespace}}}{tag}", nsmap={"n1": namespace, "xsi": XSI})
    root.set(f"{{{XSI}}}schemaLocation", f"{namespace} {file}")
    return root


def add_section(root: etree._Element, tag: str, **attributes: str) -> etree._Element:
    """Append one of the root's sections, which carry the root's namespace."""
    return add(root, f"{{{etree.QName(root).namespace}}}{tag}", **attributes)


def document(root: etree._Element) -> bytes:
    """Return the indented UTF-8 document; the same tree always gives the same bytes."""
    etree.cleanup_namespaces(root, keep_ns_prefixes=["n1", "xsi"])
    etree.indent(root, space="  ")
    content: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return content + b"\n"
