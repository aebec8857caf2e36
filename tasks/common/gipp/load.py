"""Reads the four GIPPs of a run, of any version of Sen2Cor, into one record.

What a file lacks gets its default and a note; what nobody knows is ignored with a note that names element and line; a
value outside its range is an error. Order does not matter, sections do.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lxml import etree

from tasks.common.bands import BANDS
from tasks.common.errors import InvalidConfiguration
from tasks.common.gipp import catalogue_ac, catalogue_l2a, catalogue_pb, catalogue_sc
from tasks.common.gipp.model import ELEMENTS, Gipp, default_values
from tasks.common.gipp.parse import parse_configuration
from tasks.common.gipp.schema import OWN, BandList, Element, Value, parse_value, shown, spelt
from tasks.common.xml import shown as shown_path

_ROOTS: Final = {
    "l2a": catalogue_l2a.ROOT,
    "sc": catalogue_sc.ROOT,
    "ac": catalogue_ac.ROOT,
    "pb": catalogue_pb.ROOT,
}
_PSD_SCHEME: Final = f"{catalogue_l2a.PSD_SCHEME_SECTION}/PSD_Scheme"
_OPAQUE: Final = {_PSD_SCHEME, *(bands.element.section for bands in catalogue_ac.BAND_LISTS)}
"""Elements whose children are lists and are read by functions of their own."""
_FIRST_ONLY: Final = "DATA/Idp_Sc_List"
"""May be repeated, one entry a processor; the first is ours."""


@dataclass
class _File:
    """One file while it is read: where its elements are, and what was noted."""

    path: Path
    elements: tuple[Element, ...]
    nodes: dict[str, list[etree._Element]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def error(self, node: etree._Element, message: str) -> InvalidConfiguration:
        return InvalidConfiguration(f"{shown_path(self.path)}, line {node.sourceline}: {message}")

    def note(self, node: etree._Element, message: str) -> None:
        self.notes.append(f"{self.path.name}, line {node.sourceline}: {message}")


def read_gipp(l2a: Path, sc: Path, ac: Path, pb: Path) -> Gipp:
    """Read the configuration of a run.

    Args:
        l2a: ``L2A_GIPP.xml``.
        sc: ``L2A_CAL_SC_GIPP.xml``.
        ac: ``L2A_CAL_AC_GIPP.xml``.
        pb: ``L2A_PB_GIPP.xml``.

    Raises:
        InvalidConfiguration: a file cannot be read or holds a value that is not allowed.
    """
    paths = {"l2a": l2a, "sc": sc, "ac": ac, "pb": pb}
    values = default_values()
    notes: list[str] = []
    for key, path in paths.items():
        source = _File(path, ELEMENTS[key])
        root = parse_configuration(path, _ROOTS[key])
        _index(source, root.element, "", _known_sections(source.elements))
        values.update(_read_elements(source))
        if key == "l2a":
            _check_region(source, values)
            values.update(_read_psd_schemes(source))
        elif key == "ac":
            for bands in catalogue_ac.BAND_LISTS:
                values.update(_read_band_list(source, bands))
        notes += source.notes
        if source.missing:
            notes.append(f"{path.name}: not in the file, default used: {', '.join(source.missing)}")
    baseline = f"{values['baseline_version']:05.2f}"
    return Gipp(values=values, processing_baseline=baseline, files=paths, notes=tuple(notes))


def gipp_kind(path: Path) -> str:
    """Return which of the four GIPPs a file is, by its root element: ``l2a``, ``sc``, ``ac`` or ``pb``.

    Raises:
        InvalidConfiguration: it cannot be read, or is none of them.
    """
    found = parse_configuration(path, *_ROOTS.values()).name
    return next(key for key, name in _ROOTS.items() if name == found)


def _local_name(node: etree._Element) -> str:
    """Return an element's name without its namespace."""
    return str(etree.QName(node).localname)


def _known_sections(elements: tuple[Element, ...]) -> set[str]:
    """Return the paths of all sections above the elements."""
    lists = catalogue_ac.BAND_LISTS if elements is catalogue_ac.ELEMENTS else ()
    paths = {e.section for e in elements} | {bands.element.section for bands in lists}
    return {"/".join(parts[: n + 1]) for parts in (p.split("/") for p in paths) for n in range(len(parts))}


def _index(source: _File, parent: etree._Element, prefix: str, sections: Collection[str]) -> None:
    """Collect the nodes of known elements by path; note the others."""
    known = {element.path for element in source.elements}
    for node in parent:
        path = f"{prefix}{_local_name(node)}"
        if path == _FIRST_ONLY and path in source.nodes:
            continue
        if path in known or path in _OPAQUE or path == _FIRST_ONLY:
            source.nodes.setdefault(path, []).append(node)
        elif path in catalogue_l2a.RETIRED:
            source.note(node, f"<{_local_name(node)}> of an old file has no effect")
            continue
        elif path not in sections:
            _note_unknown(source, node, prefix)
            continue
        if path in sections and path not in _OPAQUE:
            _index(source, node, f"{path}/", sections)


def _note_unknown(source: _File, node: etree._Element, prefix: str) -> None:
    name = _local_name(node)
    elsewhere = [e for e in source.elements if e.name == name]
    if elsewhere:
        source.note(
            node, f"<{name}> is not read in {prefix.rstrip('/') or 'the root'}; it belongs in {elsewhere[0].section}"
        )
        return
    similar = difflib.get_close_matches(name, [e.name for e in source.elements], n=1)
    source.note(node, f"unknown element <{name}> ignored" + (f"; did you mean <{similar[0]}>?" if similar else ""))


def _read_elements(source: _File) -> dict[str, Value]:
    """Return the values of the file's single elements; what is missing is listed and left to the defaults."""
    values: dict[str, Value] = {}
    for element in source.elements:
        nodes = source.nodes.get(element.path, [])
        if not nodes:
            source.missing += [] if element.since == OWN else [f"{element.name}={spelt(element.default)}"]
            continue
        if len(nodes) > 1:
            lines = " and ".join(str(node.sourceline) for node in nodes[:2])
            raise source.error(nodes[1], f"<{element.name}> is given more than once (lines {lines}): keep one")
        values[element.key] = _value(source, nodes[0], element, _text(source, nodes[0]))
    return values


def _text(source: _File, node: etree._Element) -> str:
    if len(node):
        raise source.error(node, f"<{_local_name(node)}> has elements inside, expected a value only")
    return node.text or ""


def _value(source: _File, node: etree._Element, element: Element, text: str) -> Value:
    """Return the value of an element's or attribute's text."""
    if element.name == "Ozone_Content" and text.strip() in catalogue_l2a.OZONE_LETTERS:
        column = catalogue_l2a.OZONE_LETTERS[text.strip()]
        source.note(node, f"<Ozone_Content> {text.strip()} of an old file is taken as {column} DU")
        text = column
    try:
        return parse_value(element, text)
    except ValueError as error:
        name = _local_name(node)
        label = f"<{name}>" if name == element.name else f"attribute {element.name} of <{name}>"
        raise source.error(node, f"{label} is {shown(text)}, expected {error}") from error


def _check_region(source: _File, values: dict[str, Any]) -> None:
    """Both coordinates of the window's midpoint must be of the same sort."""
    row, col = values["row0"], values["col0"]
    if (row if isinstance(row, str) else "") != (col if isinstance(col, str) else ""):
        section = "Common_Section/Region_Of_Interest"
        node = (source.nodes.get(f"{section}/row0") or source.nodes[f"{section}/col0"])[0]
        raise source.error(node, f"<row0> is {row} and <col0> is {col}, expected both OFF, both AUTO or two numbers")


def _read_psd_schemes(source: _File) -> dict[str, Any]:
    """Return the schema names by format version; they are kept for the record and steer nothing."""
    schemes: dict[str, dict[str, str]] = {}
    nodes = source.nodes.get(_PSD_SCHEME, [])
    if not nodes:
        source.missing.append("PSD_Scheme")
        return {}
    for node in nodes:
        entry: dict[str, str] = {}
        for name, pattern in catalogue_l2a.PSD_SCHEME_ATTRIBUTES.items():
            entry[name.lower()] = _matching(source, node, node.get(name) or "", pattern, f"attribute {name}")
        for child in node:
            name = _local_name(child)
            if name not in catalogue_l2a.PSD_SCHEME_CHILDREN:
                source.note(child, f"unknown element <{name}> ignored")
                continue
            pattern = catalogue_l2a.PSD_SCHEME_PATTERN
            entry[name.lower()] = _matching(source, child, _text(source, child), pattern, "text")
        version = entry.pop("psd_version")
        if version in schemes:
            raise source.error(node, f"<PSD_Scheme> of PSD_Version {version} is given more than once: keep one")
        schemes[version] = entry
    return {"psd_scheme": schemes}


def _matching(source: _File, node: etree._Element, text: str, pattern: str, what: str) -> str:
    text = text.strip()
    if not re.fullmatch(pattern, text):
        message = f"{what} of <{_local_name(node)}> is {shown(text)}, expected a text that matches {pattern}"
        raise source.error(node, message)
    return text


def _read_band_list(source: _File, bands: BandList) -> dict[str, Any]:
    """Return the list's values, and those of its attributes, by band."""
    element = bands.element
    lists = source.nodes.get(element.section, [])
    if not lists:
        source.missing.append(f"{element.section}")
        return {}
    if len(lists) > 1:
        raise source.error(lists[1], f"<{_local_name(lists[1])}> is given more than once: keep one")
    for child in lists[0]:
        if _local_name(child) != element.name:
            source.note(child, f"unknown element <{_local_name(child)}> ignored")
    nodes = [child for child in lists[0] if _local_name(child) == element.name]
    if len(nodes) != len(BANDS):
        message = f"{element.section} has {len(nodes)} elements <{element.name}>, expected {len(BANDS)}: one a band"
        raise source.error(lists[0], message)
    by_band = dict(zip(BANDS, nodes, strict=True))
    values: dict[str, Any] = {
        element.key: {b: _value(source, n, element, _text(source, n)) for b, n in by_band.items()}
    }
    for attribute in bands.attributes:
        defaults = (bands.attribute_defaults or {})[attribute.name]
        values[f"{element.key}_{attribute.name}"] = {
            band: _value(source, node, attribute, text)
            if (text := node.get(attribute.name)) is not None
            else defaults[band]
            for band, node in by_band.items()
        }
    return values
