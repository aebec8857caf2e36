"""The configuration of a run as one flat record, and how a stage takes its part of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from tasks.common.errors import InternalInconsistency, InvalidConfiguration
from tasks.common.gipp import catalogue_ac, catalogue_l2a, catalogue_pb, catalogue_sc
from tasks.common.gipp.schema import Element
from tasks.common.records import Record

R = TypeVar("R", bound=Record)

ELEMENTS: dict[str, tuple[Element, ...]] = {
    "l2a": catalogue_l2a.ELEMENTS,
    "sc": catalogue_sc.ELEMENTS,
    "ac": catalogue_ac.ELEMENTS,
    "pb": catalogue_pb.ELEMENTS,
}
"""Single-valued elements by file."""


def default_values() -> dict[str, Any]:
    """Return every value as the shipped files give it."""
    values: dict[str, Any] = {e.key: e.default for elements in ELEMENTS.values() for e in elements}
    values["psd_scheme"] = {version: dict(entry) for version, entry in catalogue_l2a.PSD_SCHEME_DEFAULT.items()}
    for bands in catalogue_ac.BAND_LISTS:
        values[bands.element.key] = dict(bands.default)
        for attribute, by_band in (bands.attribute_defaults or {}).items():
            values[f"{bands.element.key}_{attribute}"] = dict(by_band)
    return values


class Gipp(Record):
    """Every configuration value of a run.

    Units are those of the files (km, m, cm, DU, degrees); see the catalogues.
    """

    values: dict[str, Any]
    """By lower-cased element name: ``visibility``, ``t1_b02``, ``ac_min_ddv_area``; ``fwhm``, ``wavelength``,
    ``wavelength_c0`` and ``wavelength_c1`` are dictionaries by band, ``psd_scheme`` one by format version."""
    processing_baseline: str = Field(pattern=r"^\d\d\.\d\d$")
    """``dd.dd``."""
    files: dict[str, Path]
    """The files read, by ``l2a``, ``sc``, ``ac`` and ``pb``."""
    notes: tuple[str, ...] = ()
    """What was ignored or replaced by a default, one line each."""

    def select(self, model: type[R], **overrides: Any) -> R:
        """Return a stage's parameters, filled by field name.

        Args:
            model: the parameters' class. Fields that no GIPP element has keep their default.
            overrides: values that take precedence over the GIPP's.

        Raises:
            InvalidConfiguration: a GIPP value is not one that the stage accepts.
            InternalInconsistency: a field has neither a value nor a default, or an override is not a field.
        """
        known = {name: self.values[name] for name in model.model_fields if name in self.values}
        try:
            return model(**{**known, **overrides})
        except ValidationError as error:
            problem = error.errors()[0]
            name = str(problem["loc"][0]) if problem["loc"] else model.__name__
            if name in known and name not in overrides:
                message = f"{self._origin(name)}: {known[name]!r} cannot be used: {problem['msg']}"
                raise InvalidConfiguration(message) from error
            raise InternalInconsistency(f"{model.__name__}.{name}: {problem['msg']}") from error

    def differences(self) -> dict[str, Any]:
        """Return the values that are not those of the shipped files."""
        defaults = default_values()
        return {name: value for name, value in self.values.items() if value != defaults[name]}

    def _origin(self, name: str) -> str:
        """Return file and element of a value."""
        for key, elements in ELEMENTS.items():
            for element in elements:
                if element.key == name:
                    return f"{self.files[key]}, <{element.name}>"
        return f"{self.files['l2a' if name == 'psd_scheme' else 'ac']}, <{name}>"
