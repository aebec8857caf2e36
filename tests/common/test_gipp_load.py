"""Reading users' GIPPs: every version of Sen2Cor, every kind of mistake."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tasks.common.errors import InvalidConfiguration
from tasks.common.gipp.defaults import GIPP_FILES, default_gipp_files
from tasks.common.gipp.load import read_gipp
from tasks.common.gipp.model import Gipp
from tasks.common.gipp.schema import Element, Kind, parse_value

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def edited(tmp_path: Path, key: str, *changes: tuple[str, str]) -> dict[str, Path]:
    """Return the default files with one of them changed by regular expressions, each of which must match once."""
    files = default_gipp_files()
    text = files[key].read_text(encoding="utf-8")
    for pattern, replacement in changes:
        text, count = re.subn(pattern, lambda _, r=replacement: r, text, count=1, flags=re.DOTALL)
        assert count == 1, pattern
    target = tmp_path / GIPP_FILES[key]
    target.write_text(text, encoding="utf-8")
    return {**files, key: target}


def with_value(tmp_path: Path, key: str, name: str, value: str) -> dict[str, Path]:
    return edited(tmp_path, key, (rf"<{name}>[^<]*</{name}>", f"<{name}>{value}</{name}>"))


def line_of(path: Path, text: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(n for n, line in enumerate(lines, 1) if text in line)


def message_of(files: dict[str, Path]) -> str:
    with pytest.raises(InvalidConfiguration) as caught:
        read_gipp(**files)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("key", "name", "value", "expected"),
    [
        ("l2a", "Log_Level", "DEBUG", "DEBUG"),
        ("l2a", "Visibility", "5", 5.0),
        ("l2a", "Visibility", " 120.0\n ", 120.0),
        ("l2a", "Visibility", "2.3e1", 23.0),
        ("l2a", "Nr_Threads", "8", 8),
        ("l2a", "Nr_Threads", "AUTO", "AUTO"),
        ("l2a", "DEM_Directory", "dem/CopernicusDEM90", "dem/CopernicusDEM90"),
        ("l2a", "DEM_Directory", "none", None),
        ("l2a", "DEM_Reference", "https://example.org/dem/?a=1&amp;b=2", "https://example.org/dem/?a=1&b=2"),
        ("l2a", "DEM_Reference", "NONE", None),
        ("l2a", "Cirrus_Correction", "TRUE", True),
        ("l2a", "Cirrus_Correction", "1", True),
        ("l2a", "Generate_TCI_Output", "false", False),
        ("l2a", "Ozone_Content", "377", 377),
        ("l2a", "BRDF_Correction", "22", 22),
        ("l2a", "Median_Filter", "10", 10),
        ("l2a", "Mid_Latitude", "AUTO", "AUTO"),
        ("sc", "T22_B12", "-10", -10.0),
        ("sc", "T_SDW", "+.75", 0.75),
        ("ac", "AC_Max_Nr_Topo_Iter", "3.0", 3),
        ("ac", "Scaling_Disabler", "0", False),
        ("ac", "AC_Cut_Off_Aot_Iter_Water", "-1", -1.0),
        ("pb", "Baseline_Version", "05.11", 5.11),
    ],
)
def test_allowed_values(tmp_path: Path, key: str, name: str, value: str, expected: Any) -> None:
    gipp = read_gipp(**with_value(tmp_path, key, name, value))
    found = gipp.values[name.lower()]
    assert found == expected
    assert type(found) is type(expected)
    assert gipp.notes == ()


@pytest.mark.parametrize(
    ("key", "name", "value", "allowed"),
    [
        ("l2a", "Visibility", "4.99", "a number from 5 to 120 km"),
        ("l2a", "Visibility", "120.01", "a number from 5 to 120 km"),
        ("l2a", "Visibility", "", "a number from 5 to 120 km"),
        ("l2a", "Visibility", "40,0", "a number from 5 to 120 km"),
        ("l2a", "Visibility", "40 km", "a number from 5 to 120 km"),
        ("l2a", "Visibility", "nan", "a number from 5 to 120 km"),
        ("l2a", "Visibility", "inf", "a number from 5 to 120 km"),
        ("l2a", "Visibility", "1e999", "a number from 5 to 120 km"),
        ("l2a", "Visibility", "4_0", "a number from 5 to 120 km"),
        ("l2a", "Visibility", "٤٠", "a number from 5 to 120 km"),
        ("l2a", "Visibility", "AUTO", "a number from 5 to 120 km"),
        ("l2a", "Log_Level", "debug", "one of NOTSET, DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("l2a", "Nr_Threads", "0", "AUTO or an integer from 1 to 8"),
        ("l2a", "Nr_Threads", "2.5", "AUTO or an integer from 1 to 8"),
        ("l2a", "Nr_Threads", "auto", "AUTO or an integer from 1 to 8"),
        ("l2a", "Generate_DDV_Output", "YES", "TRUE or FALSE"),
        ("l2a", "Downsample_20_to_60", "2", "TRUE or FALSE"),
        ("l2a", "Median_Filter", "11", "an integer from 0 to 10 pixels of 20 m"),
        ("l2a", "Median_Filter", "9" * 400, "an integer from 0 to 10 pixels of 20 m"),
        ("l2a", "Aerosol_Type", "URBAN", "one of RURAL, MARITIME, AUTO"),
        ("l2a", "Mid_Latitude", "WINTER ", None),
        ("l2a", "Mid_Latitude", "SPRING", "one of SUMMER, WINTER, AUTO"),
        ("l2a", "Ozone_Content", "300", "one of 0, 250, 290, 330, 331, 370, 377, 410, 420, 450, 460 DU"),
        ("l2a", "Ozone_Content", "z", "one of 0, 250, 290, 330, 331, 370, 377, 410, 420, 450, 460 DU"),
        ("l2a", "BRDF_Correction", "3", "one of 0, 1, 2, 11, 12, 21, 22"),
        ("l2a", "BRDF_Lower_Bound", "0.26", "a number from 0.1 to 0.25"),
        ("l2a", "WV_Correction", "-1", "an integer from 0 to 4"),
        ("l2a", "WV_Watermask", "3", "one of 0, 1, 2"),
        ("l2a", "Adj_Km", "10.5", "a number from 0 to 10 km"),
        ("l2a", "Altitude", "3", "a number from 0 to 2.5 km"),
        ("l2a", "Smooth_WV_Map", "301", "a number from 0 to 300 m"),
        ("l2a", "WV_Threshold_Cirrus", "0.05", "a number from 0.1 to 1 cm"),
        ("l2a", "Database_Compression_Level", "10", "an integer from 0 to 9"),
        ("l2a", "nrow_win", "1000", "an integer from 6 to 10980 pixels of 10 m, divisible by 6"),
        ("l2a", "row0", "-6", "OFF or AUTO or an integer from 0 to 10980 pixels of 10 m, divisible by 6"),
        ("l2a", "DEM_Directory", "", "a text or NONE"),
        ("l2a", "GIPP_Scheme", "GIPP", "a text that matches L2.+"),
        ("sc", "T1_B02", "10.1", "a number from -10 to 10"),
        ("sc", "T1_NDVI", "0x1", "a number from -10 to 10"),
        ("sc", "WATER", "5", "one of 6"),
        ("sc", "Snow_Map", " ", "a text"),
        ("ac", "AC_Min_Ddv_Area", "101", "a number from 0 to 100 %"),
        ("ac", "AC_Swir_22um_Red_Refl_Ratio", "0.39", "a number from 0.4 to 0.6"),
        ("ac", "min_sc_blu", "1", "a number above 0 and below 1"),
        ("ac", "max_sc_blu", "2.0", "a number above 1 and below 2"),
        ("ac", "AC_Max_Nr_Topo_Iter", "2.5", "an integer from 0 to 9"),
        ("ac", "Rho_Retrieval_Step2", "oui", "TRUE or FALSE"),
        ("pb", "Baseline_Version", "100", "a number from 0 to 99.99, written as"),
        ("pb", "Baseline_Version", "5.111", "a number from 0 to 99.99, written as"),
    ],
)
def test_wrong_value_names_file_element_value_and_range(
    tmp_path: Path, key: str, name: str, value: str, allowed: str | None
) -> None:
    files = with_value(tmp_path, key, name, value)
    if allowed is None:
        read_gipp(**files)
        return
    message = message_of(files)
    line = line_of(files[key], f"<{name}>")
    shown = value.strip() if len(value) < 60 else value[:57] + "..."
    assert message.startswith(f"{files[key]}, line {line}: <{name}> is {shown!r}, expected {allowed}")


@pytest.mark.parametrize(
    ("text", "baseline"), [("99.99", "99.99"), ("05.09", "05.09"), ("5.1", "05.10"), ("4", "04.00"), ("0", "00.00")]
)
def test_processing_baseline_is_written_in_four_digits(tmp_path: Path, text: str, baseline: str) -> None:
    assert read_gipp(**with_value(tmp_path, "pb", "Baseline_Version", text)).processing_baseline == baseline


def test_file_of_28_gets_newer_elements_by_default_with_one_note(tmp_path: Path) -> None:
    newer = ["Product_DOI", "Product_Generator", "Force_Exit_On_DEM_Error", "Handle_L1C_QLT_Mask", "PSD_Version"]
    changes = [(rf"<{n}>[^<]*</{n}>", "") for n in [*newer, "QI_Scheme"]]
    changes += [("<Region_Of_Interest>.*</Region_Of_Interest>", ""), (">0</Ozone_Content>", ">331</Ozone_Content>")]
    gipp = read_gipp(**edited(tmp_path, "l2a", *changes))
    assert gipp.differences() == {"ozone_content": 331}
    assert gipp.notes == (
        "L2A_GIPP.xml: not in the file, default used: row0=OFF, col0=OFF, nrow_win=1200, ncol_win=1200, "
        "Product_DOI=https://doi.org/10.5270/S2_-znk9xsj, Product_Generator=NONE, Force_Exit_On_DEM_Error=FALSE, "
        "Handle_L1C_QLT_Mask=TRUE, PSD_Version=DEFAULT, QI_Scheme=L2A_QUALITY",
    )


def test_real_files_of_a_210_product() -> None:
    found = sorted((SHARED / "l2a-T01UBT-PB0400-lowres").rglob("rep_info/L2A_GIPP.xml"))
    if not found:
        pytest.skip("no real GIPP here")
    real = {key: found[0].with_name(name) for key, name in GIPP_FILES.items() if key != "pb"}
    gipp = read_gipp(**real, pb=default_gipp_files()["pb"])
    assert gipp.notes == ()
    assert gipp.differences() == {
        "dem_directory": "/app/s/i/19cf/dem/",
        "dem_reference": "/app/s/i/19cf/dem/",
        "generate_ddv_output": True,
        "handle_l1c_qlt_mask": False,
    }
    assert gipp.files["sc"] == real["sc"]


def test_file_before_28(tmp_path: Path) -> None:
    files = edited(
        tmp_path, "l2a",
        ("<Log_Level>", "<Nr_Processes>AUTO</Nr_Processes><Target_Directory>DEFAULT</Target_Directory><Log_Level>"),
        ("<PSD_Scheme .*</PSD_Scheme>", "<UP_Scheme_1C>S2-PDGS-TAS-DI-PSD-V13.1</UP_Scheme_1C>"),
        (">0</Ozone_Content>", ">h</Ozone_Content>"),
        ("<Adj_Km>", "<DEM_Unit>0</DEM_Unit><Adj_Km>"),
        (">FALSE</Cirrus_Correction>", ">0</Cirrus_Correction>"),
        (">40.0</Visibility>", ">23.0</Visibility>"),
    )  # fmt: skip
    gipp = read_gipp(**files)
    assert gipp.differences() == {"ozone_content": 331, "visibility": 23.0}
    text = "\n".join(gipp.notes)
    for name in ("Nr_Processes", "Target_Directory", "UP_Scheme_1C", "DEM_Unit"):
        assert f"<{name}> of an old file has no effect" in text
    assert "<Ozone_Content> h of an old file is taken as 331 DU" in text
    assert "not in the file, default used: PSD_Scheme" in text


def test_unknown_element_is_noted_with_its_line_and_a_suggestion(tmp_path: Path) -> None:
    files = edited(
        tmp_path, "l2a", ("<Visibility>40.0</Visibility>", "<Visibillity>20</Visibillity><Frobnicate><x/></Frobnicate>")
    )
    gipp = read_gipp(**files)
    line = line_of(files["l2a"], "Visibillity")
    assert gipp.values["visibility"] == 40.0
    assert gipp.notes == (
        f"L2A_GIPP.xml, line {line}: unknown element <Visibillity> ignored; did you mean <Visibility>?",
        f"L2A_GIPP.xml, line {line}: unknown element <Frobnicate> ignored",
        "L2A_GIPP.xml: not in the file, default used: Visibility=40.0",
    )


def test_element_in_the_wrong_section_is_noted(tmp_path: Path) -> None:
    files = edited(
        tmp_path, "l2a", ("<Visibility>40.0</Visibility>", ""), ("<Flags>", "<Flags><Visibility>9</Visibility>")
    )
    gipp = read_gipp(**files)
    assert gipp.values["visibility"] == 40.0
    expected = (
        "<Visibility> is not read in Atmospheric_Correction/Flags; it belongs in Atmospheric_Correction/Calibration"
    )
    assert expected in gipp.notes[0]


def test_section_of_another_file_is_noted(tmp_path: Path) -> None:
    gipp = read_gipp(
        **edited(tmp_path, "l2a", ("</Common_Section>", "</Common_Section><Sensor><fwhm>1</fwhm></Sensor>"))
    )
    assert [note.partition(": ")[2] for note in gipp.notes] == ["unknown element <Sensor> ignored"]


def test_order_and_namespaces_do_not_matter(tmp_path: Path) -> None:
    root = etree.parse(str(default_gipp_files()["l2a"])).getroot()
    for node in list(root):
        root.insert(0, node)
        for child in list(node):
            if isinstance(child.tag, str):
                node.insert(0, child)
    text = etree.tostring(root, encoding="unicode").replace("<Level-2A", '<Level-2A xmlns="urn:x" ', 1)
    text = text.replace('<Level-2A xmlns="urn:x" _Ground', "<Level-2A_Ground", 1).replace(
        " xmlns:xsi", ' xmlns="urn:x" xmlns:xsi', 1
    )
    target = tmp_path / "mine.xml"
    target.write_text(text, encoding="utf-8")
    gipp = read_gipp(**{**default_gipp_files(), "l2a": target})
    assert gipp.notes == ()
    assert gipp.differences() == {}


@pytest.mark.parametrize(
    ("key", "pattern", "replacement", "expected"),
    [
        ("l2a", "</Visibility>", "</Visibility><Visibility>50</Visibility>", "<Visibility> is given more than once"),
        ("l2a", "<Visibility>40.0", "<Visibility><km>40.0</km>", "<Visibility> has elements inside"),
        ("l2a", "<row0>OFF", "<row0>AUTO", "<row0> is AUTO and <col0> is OFF, expected both OFF, both AUTO or two"),
        ("l2a", "<row0>OFF", "<row0>600", "<row0> is 600 and <col0> is OFF"),
        ("l2a", 'PSD_Version="14.2"', 'PSD_Version="14"', "attribute PSD_Version of <PSD_Scheme> is '14', expected"),
        ("l2a", 'PSD_Version="14.2"', "", "attribute PSD_Version of <PSD_Scheme> is '', expected"),
        ("l2a", 'PSD_Version="14.2"', 'PSD_Version="14.6"', "PSD_Version 14.6 is given more than once"),
        ("l2a", ">S2_PDI_Level-1C_Tile_Metadata<", ">Tile<", "text of <Tile_Scheme_1C> is 'Tile', expected"),
        ("ac", "<fwhm>0.020</fwhm>", "", "has 12 elements <fwhm>, expected 13"),
        ("ac", "<fwhm>0.020", "<fwhm>1.020", "<fwhm> is '1.020', expected a number from 0 to 1 um"),
        ("ac", ">0.443</wavelength>", ">443</wavelength>", "<wavelength> is '443', expected a number from 0 to 10 um"),
        ("ac", 'c1="0.001"', 'c1="x"', "attribute c1 of <wavelength> is 'x', expected a number from 0 to 1"),
        ("ac", "</Band_List>", "</Band_List><Band_List/>", "<Band_List> is given more than once"),
    ],
)
def test_wrong_structure(tmp_path: Path, key: str, pattern: str, replacement: str, expected: str) -> None:
    files = edited(tmp_path, key, (pattern, replacement))
    message = message_of(files)
    assert message.startswith(f"{files[key]}, line ")
    assert expected in message


def test_missing_lists_and_attributes_get_defaults(tmp_path: Path) -> None:
    files = edited(tmp_path, "ac", (' c0="0.0" c1="0.001">0.443', ">0.444"), ("<Resolution>.*</Resolution>", ""))
    gipp = read_gipp(**files)
    assert gipp.differences() == {"wavelength": {**gipp.values["wavelength"], "B01": 0.444}}
    assert gipp.notes == ("L2A_CAL_AC_GIPP.xml: not in the file, default used: Sensor/Resolution/Band_List",)


def test_unknown_members_of_lists_are_noted(tmp_path: Path) -> None:
    ac = edited(tmp_path, "ac", ("<Band_List>", "<Band_List><offset>1</offset>"))
    l2a = edited(tmp_path, "l2a", ("<UP_Scheme_1C>", "<GR_Scheme_1C>S2</GR_Scheme_1C><UP_Scheme_1C>"))
    notes = read_gipp(**{**ac, "l2a": l2a["l2a"]}).notes
    assert [note.partition(": ")[2] for note in notes] == [
        "unknown element <GR_Scheme_1C> ignored", "unknown element <offset> ignored",
    ]  # fmt: skip


def test_second_processor_of_the_baseline_file_is_left_alone(tmp_path: Path) -> None:
    other = "</Idp_Sc_List><Idp_Sc_List><Idp_Sc_Name>X</Idp_Sc_Name><Idp_Sc_Version>1</Idp_Sc_Version></Idp_Sc_List>"
    gipp = read_gipp(**edited(tmp_path, "pb", ("</Idp_Sc_List>", other)))
    assert gipp.values["idp_sc_name"] == "Sen2Cor"
    assert gipp.notes == ()


BOMB = '<!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty XML file"),
        (b"DEM_Directory = NONE", "not well-formed XML"),
        (b"\x01\x02", "not well-formed XML"),
        (b"<Level-2A_Ground_Image_Processing_Parameter><Common_Section>", "not well-formed XML"),
        (b"<Level-2A_Ground_Image_Processing_Parameter>&x;</Level-2A_Ground_Image_Processing_Parameter>", "not well"),
        (b"<html/>", "root element is <html>, expected <Level-2A_Ground_Image_Processing_Parameter>"),
        (BOMB.encode() + b"<r>&b;</r>", "document type declaration is not accepted"),
        ((BOMB + "<r>&b;</r>").encode("utf-16"), "XML encoding is not UTF-8"),
        (b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>', "document type declaration is not accepted"),
        (b"<a>" * 200 + b"</a>" * 200, "nested deeper"),
        (b"<a>" + b" " * (1 << 20) + b"</a>", "larger than 1048576 bytes"),
    ],
    ids=["empty", "text", "binary", "truncated", "entity", "html", "bomb", "bomb16", "external", "deep", "large"],
)
def test_hostile_or_broken_files(tmp_path: Path, content: bytes, expected: str) -> None:
    target = tmp_path / "L2A_GIPP.xml"
    target.write_bytes(content)
    message = message_of({**default_gipp_files(), "l2a": target})
    assert message.startswith(f"{target}: ")
    assert expected in message


@pytest.mark.parametrize("name", ["absent.xml", ".", "a\0b", "x" * 300])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    assert message_of({**default_gipp_files(), "sc": tmp_path / name})


def test_files_given_for_one_another_are_refused() -> None:
    files = default_gipp_files()
    message = message_of({**files, "l2a": files["sc"]})
    assert "root element is <Level-2A_CAL_SC_Ground_Image_Processing_Parameter>" in message


def test_record_survives_json() -> None:
    gipp = read_gipp(**default_gipp_files())
    assert Gipp.model_validate_json(gipp.model_dump_json()) == gipp


@given(st.text(max_size=30))
def test_any_text_is_a_value_in_range_or_a_value_error(text: str) -> None:
    element = Element("X", "", Kind.NUMBER, 1.0, "m", minimum=-2, maximum=7)
    with contextlib.suppress(ValueError):
        value = parse_value(element, text)
        assert isinstance(value, float)
        assert -2 <= value <= 7
