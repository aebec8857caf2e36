"""A stage takes its parameters from the GIPP by field name."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from pydantic import Field

import tasks
from tasks.common.errors import InternalInconsistency, InvalidConfiguration
from tasks.common.gipp.defaults import default_gipp_files
from tasks.common.gipp.load import read_gipp
from tasks.common.gipp.model import Gipp
from tasks.common.records import Record


class SomeParameters(Record):
    """Fields of all four files and one that no file has."""

    visibility: float = 23.0
    t1_b02: float = 0.0
    ac_max_nr_topo_iter: int = 0
    dem_directory: str | None = "somewhere"
    wavelength: dict[str, float] = {}
    strip_rows: int = 256


class NarrowParameters(Record):
    """A stage that cannot do all that a GIPP may ask."""

    visibility: float = Field(40.0, le=30)
    fwhm: dict[str, str] = {}


class NeedyParameters(Record):
    """A field without default that no GIPP has."""

    tile_name: str


@pytest.fixture
def gipp() -> Gipp:
    return read_gipp(**default_gipp_files())


def test_fields_are_filled_by_name(gipp: Gipp) -> None:
    selected = gipp.select(SomeParameters)
    assert selected.visibility == 40.0
    assert selected.t1_b02 == 0.18
    assert selected.ac_max_nr_topo_iter == 3
    assert selected.dem_directory is None
    assert selected.wavelength["B8A"] == 0.865
    assert selected.strip_rows == 256


def test_overrides_win(gipp: Gipp) -> None:
    selected = gipp.select(SomeParameters, visibility=80.0, strip_rows=64)
    assert (selected.visibility, selected.strip_rows) == (80.0, 64)


def test_value_that_a_stage_refuses_names_file_and_element(gipp: Gipp) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        gipp.select(NarrowParameters, fwhm={})
    assert str(caught.value).startswith(f"{gipp.files['l2a']}, <Visibility>: 40.0 cannot be used: ")
    with pytest.raises(InvalidConfiguration, match=r"L2A_CAL_AC_GIPP\.xml, <fwhm>"):
        gipp.select(NarrowParameters, visibility=20.0)


def test_mistakes_of_the_program_are_told_apart(gipp: Gipp) -> None:
    with pytest.raises(InternalInconsistency, match=r"NeedyParameters\.tile_name"):
        gipp.select(NeedyParameters)
    with pytest.raises(InternalInconsistency, match=r"SomeParameters\.colour"):
        gipp.select(SomeParameters, colour="red")
    with pytest.raises(InternalInconsistency, match=r"SomeParameters\.visibility"):
        gipp.select(SomeParameters, visibility="fog")


def _parameter_classes() -> list[type[Record]]:
    """Return the parameter records of all stages."""
    names = [m.name for m in pkgutil.walk_packages(tasks.__path__, "tasks.") if m.name.endswith(".parameters")]
    found = [value for name in names for value in vars(importlib.import_module(name)).values()]
    classes = [c for c in found if isinstance(c, type) and issubclass(c, Record) and c.__name__.endswith("Parameters")]
    return sorted(set(classes), key=lambda c: c.__name__)


@pytest.mark.parametrize("model", _parameter_classes(), ids=lambda c: c.__name__)
def test_defaults_of_a_stage_are_those_of_the_gipp(gipp: Gipp, model: type[Record]) -> None:
    shared = {name: field for name, field in model.model_fields.items() if name in gipp.values}
    assert {name: field.default for name, field in shared.items()} == {name: gipp.values[name] for name in shared}
