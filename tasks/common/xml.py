"""Reading XML that nobody vouches for: no entities, no network, bounded size and depth, errors of one line.

Elements are addressed by local names, whatever their namespace: the hosts in the Sentinel-2 namespaces
(``https://psd-14.sentinel2.eo.esa.int/...``) change with the format version and not with the meaning.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from tasks.common.errors import InvalidInput, TransientIO

MAX_BYTES: Final = 64 << 20
"""Largest XML file read. The largest Sentinel-2 metadata file (datastrip with 20 granules) has about 15 MB."""

MAX_DEPTH: Final = 64
"""Deepest nesting accepted; Sentinel-2 metadata stay below 15."""

_TOO_DEEP: Final = etree.XPath("boolean(" + "/*" * (MAX_DEPTH + 1) + ")")
_PROLOGUE: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_DECLARED_ENCODING: Final = re.compile(rb"<\?xml[^>]*\bencoding\s*=\s*[\"']([^\"']+)[\"']")
_ENCODINGS: Final = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1", b"latin1"})
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")


def shown(path: Path | str) -> str:
    """Return a path or other foreign text as one printable line of at most 400 characters."""
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(path))
    return text if len(text) <= 400 else text[:197] + "..." + text[-200:]


def parse_xml(path: Path) -> Node:
    """Parse an XML file.

    Args:
        path: a regular file in UTF-8, ASCII or Latin-1.

    Returns:
        The root element.

    Raises:
        InvalidInput: missing, no regular file, larger than 64 MB, a document type or entities declared, not
            well-formed, or nested deeper than 64 levels.
        TransientIO: the file exists and cannot be read.
    """
    try:
        if not path.is_file():
            raise InvalidInput(f"{shown(path)}: no such XML file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InvalidInput(f"{shown(path)}: XML file of {size} bytes, the limit is {MAX_BYTES}")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise TransientIO(f"{shown(path)}: cannot be read ({error.strerror})") from error
    return parse_xml_bytes(data, path)


def parse_xml_bytes(data: bytes, path: Path) -> Node:
    """Parse an XML document in memory; ``path`` names it in messages.

    Raises:
        InvalidInput: as :func:`parse_xml`.
    """
    if not data.strip():
        raise InvalidInput(f"{shown(path)}: empty XML file")
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{shown(path)}: XML document of more than {MAX_BYTES} bytes")
    _refuse_declarations(data, path)
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise InvalidInput(f"{shown(path)}: not well-formed XML ({shown(str(error.msg))})") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise InvalidInput(f"{shown(path)}: XML with a document type declaration is not accepted")
    if _TOO_DEEP(root):
        raise InvalidInput(f"{shown(path)}: XML elements nested deeper than {MAX_DEPTH} levels")
    return Node(root, path)


def _refuse_declarations(data: bytes, path: Path) -> None:
    """Refuse document types before the parser sees them, and encodings in which they could hide."""
    prologue = _PROLOGUE.match(data)
    start = prologue.end() if prologue else 0
    if data[start : start + 9].upper() == b"<!DOCTYPE":
        raise InvalidInput(f"{shown(path)}: XML with a document type declaration is not accepted")
    declared = _DECLARED_ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
    if b"\0" in data[:1024] or (declared and declared.group(1).lower() not in _ENCODINGS):
        raise InvalidInput(f"{shown(path)}: XML encoding is not UTF-8")


def _steps(path: str) -> str:
    return "/".join("{*}" + step for step in path.split("/"))


@dataclass(frozen=True, eq=False)
class Node:
    """An element together with the file it came from, so that every message names both.

    Paths are local names separated by ``/`` and relative to the element: ``General_Info/TILE_ID``.
    """

    element: etree._Element
    file: Path

    @property
    def name(self) -> str:
        """Local name of the element."""
        return str(etree.QName(self.element).localname)

    @property
    def namespace(self) -> str:
        """Namespace of the element, empty when it has none."""
        return str(etree.QName(self.element).namespace or "")

    def error(self, path: str, problem: str) -> InvalidInput:
        """Return the exception to raise for what is wrong at ``path``."""
        return InvalidInput(f"{shown(self.file)}: element {path or self.name}: {problem}")

    def find(self, path: str) -> Node | None:
        """Return the first element at ``path``, or None."""
        found = self.element.find(_steps(path))
        return None if found is None else Node(found, self.file)

    def child(self, path: str) -> Node:
        """Return the first element at ``path``.

        Raises:
            InvalidInput: there is none.
        """
        found = self.find(path)
        if found is None:
            raise self.error(path, "is missing")
        return found

    def all(self, path: str) -> Iterator[Node]:
        """Yield all elements at ``path``."""
        for found in self.element.iterfind(_steps(path)):
            yield Node(found, self.file)

    def descendants(self, name: str) -> Iterator[Node]:
        """Yield all elements of that local name at any depth."""
        for found in self.element.iterdescendants("{*}" + name):
            yield Node(found, self.file)

    def text(self, path: str = "") -> str:
        """Return the stripped text at ``path`` (of this element by default).

        Raises:
            InvalidInput: the element is missing or empty.
        """
        node = self.child(path) if path else self
        text = (node.element.text or "").strip()
        if not text:
            raise self.error(path, "is empty")
        return text

    def attribute(self, name: str) -> str:
        """Return an attribute of this element.

        Raises:
            InvalidInput: the attribute is missing or empty.
        """
        value = (self.element.get(name) or "").strip()
        if not value:
            raise self.error("", f"has no attribute {name}")
        return value

    def matching(self, path: str, pattern: re.Pattern[str], expected: str) -> str:
        """Return the text at ``path`` when the whole of it matches, else raise saying what was expected."""
        text = self.text(path)
        if not pattern.fullmatch(text):
            raise self.error(path, f"is '{shown(text)}', expected {expected}")
        return text

    def integer(self, path: str = "") -> int:
        """Return the text at ``path`` as a whole number.

        Raises:
            InvalidInput: missing, empty or no whole number.
        """
        text = self.text(path)
        if not _INTEGER.fullmatch(text):
            raise self.error(path, f"is '{shown(text)}', expected a whole number")
        return int(text)

    def number(self, path: str = "") -> float:
        """Return the text at ``path`` as a finite number.

        Raises:
            InvalidInput: missing, empty, no number, NaN or infinite.
        """
        text = self.text(path)
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not math.isfinite(value):
            raise self.error(path, f"is '{shown(text)}', expected a finite number")
        return value

    def numbers(self, path: str = "") -> NDArray[np.float64]:
        """Return the text at ``path`` as ``[n]`` numbers separated by blanks; NaN allowed, infinity not.

        Raises:
            InvalidInput: missing, empty, or a word that is no number.
        """
        text = self.text(path)
        try:
            values = np.array(text.split(), dtype=np.float64)
        except ValueError:
            raise self.error(path, f"'{shown(text[:40])}' is no list of numbers") from None
        if np.isinf(values).any():
            raise self.error(path, "has an infinite value")
        return values
