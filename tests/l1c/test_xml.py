"""Reading XML: what is refused, what messages say, how values are found."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tasks.common.errors import InvalidInput
from tasks.common.xml import MAX_DEPTH, Node, parse_xml, parse_xml_bytes, shown

FILE = Path("folder/some.xml")


def root(text: str) -> Node:
    return parse_xml_bytes(text.encode(), FILE)


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<?xml version="1.0"?>\n<!-- c --><!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'\xef\xbb\xbf<?xml version="1.0"?><?pi ?><!doctype a><a/>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4-<a/>',
        b"<a>&undefined;</a>",
        b"<a><b></a>",
        b"<a/><a/>",
        b"   ",
        b"",
        b"PK\x03\x04\x00\x00",
    ],
)
def test_refused_in_one_line_that_names_the_file(data: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_xml_bytes(data, FILE)
    assert str(caught.value).startswith("folder/some.xml: ")
    assert str(caught.value).isprintable()


def test_depth_limit() -> None:
    assert root("<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH).name == "a"
    with pytest.raises(InvalidInput, match="nested deeper"):
        root("<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1))


def test_file_that_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.xml")
    for path in (tmp_path, tmp_path / "missing.xml", tmp_path / "pipe.xml"):
        with pytest.raises(InvalidInput, match="no such XML file"):
            parse_xml(path)


def test_elements_are_found_whatever_their_namespace() -> None:
    tree = '<n1:R xmlns:n1="https://psd-14.x/y"><n1:A><B k="3"> 7 </B><B>8</B></n1:A></n1:R>'
    node = root(tree)
    assert (node.name, node.namespace) == ("R", "https://psd-14.x/y")
    assert node.text("A/B") == "7"
    assert node.integer("A/B") == 7
    assert [b.number() for b in node.all("A/B")] == [7.0, 8.0]
    assert [b.text() for b in node.descendants("B")] == ["7", "8"]
    assert node.child("A/B").attribute("k") == "3"
    assert node.find("A/C") is None
    assert node.find("B") is None


@pytest.mark.parametrize("text", ["NaN", "inf", "-1e400", "1_0", "0x10", "", "1 2", "1,5", "١٢"])
def test_required_number_must_be_finite(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^folder/some\.xml: element V: is "):
        root(f"<r><V>{text}</V></r>").integer("V")
    with pytest.raises(InvalidInput, match=r"^folder/some\.xml: element V: is "):
        root(f"<r><V>{text}</V></r>").number("V")


def test_list_of_numbers_may_hold_nan() -> None:
    np.testing.assert_array_equal(root("<r>1 NaN\n -2.5</r>").numbers(), [1, np.nan, -2.5])
    for text in ("1 x", "inf", " "):
        with pytest.raises(InvalidInput, match="element r: "):
            root(f"<r>{text}</r>").numbers()


def test_missing_element_and_attribute_are_named() -> None:
    with pytest.raises(InvalidInput, match="element A/B: is missing"):
        root("<r/>").text("A/B")
    with pytest.raises(InvalidInput, match="element r: has no attribute id"):
        root("<r/>").attribute("id")


def test_shown_is_one_short_printable_line() -> None:
    text = shown("a\nb\x1b[31m\u202e\udcff" + "x" * 1000)
    assert text.isprintable()
    assert len(text) <= 400
    assert text.startswith("a\\nb\\x1b[31m\\u202e\\udcff")
