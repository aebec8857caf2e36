"""The configuration in force, value by value: where it was read, its default, and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flows.cli.home import Home, resolve_gipp
from flows.configuration import tile_configuration
from flows.request import ProductRequest
from tasks.common.gipp import catalogue_ac
from tasks.common.gipp.defaults import GIPP_FILES, default_gipp_files
from tasks.common.gipp.load import gipp_kind, read_gipp
from tasks.common.gipp.model import ELEMENTS, Gipp, default_values
from tasks.common.gipp.schema import Element
from tasks.common.records import Record


class Setting(Record):
    """One value of the configuration."""

    file: str
    """``l2a``, ``sc``, ``ac`` or ``pb``."""
    section: str
    name: str
    value: Any
    """As the stages see it; a dictionary by band for lists."""
    default: Any
    unit: str = ""
    allowed: str = ""
    meaning: str = ""

    @property
    def is_default(self) -> bool:
        """Tell whether the value is the shipped one."""
        return bool(self.value == self.default)


class EffectiveConfiguration(Record):
    """All values, the files they come from, and what was noted on the way."""

    files: dict[str, Path]
    processing_baseline: str
    settings: tuple[Setting, ...]
    notes: tuple[str, ...]

    @property
    def differences(self) -> tuple[Setting, ...]:
        """The values that are not the shipped ones."""
        return tuple(setting for setting in self.settings if not setting.is_default)


def effective_configuration(request: ProductRequest, home: Home) -> EffectiveConfiguration:
    """Return the configuration that a run with this request would have.

    Raises:
        InvalidConfiguration: a file is missing, or holds a value that is not allowed or that a stage does not accept.
    """
    return _described(resolve_gipp(request, home), request, home)


def check_gipp(path: Path, home: Home) -> EffectiveConfiguration:
    """Read one GIPP, whichever of the four it is, with the shipped files for the others.

    Raises:
        InvalidConfiguration: it is no GIPP, or holds a value that is not allowed or that a stage does not accept.
    """
    files = default_gipp_files() | {gipp_kind(path): path}
    return _described(read_gipp(**files), ProductRequest(input_path=Path()), home)


def _described(gipp: Gipp, request: ProductRequest, home: Home) -> EffectiveConfiguration:
    stages = tile_configuration(gipp, request, "", home)
    unused = tuple(f"{fallback.code}: {fallback.message}" for fallback in stages.fallbacks)
    return EffectiveConfiguration(
        files=gipp.files,
        processing_baseline=gipp.processing_baseline,
        settings=tuple(_settings(gipp)),
        notes=(*gipp.notes, *unused),
    )


def _settings(gipp: Gipp) -> list[Setting]:
    defaults = default_values()
    found = [
        _setting(key, element, element.key, gipp, defaults)
        for key in GIPP_FILES
        for element in sorted(ELEMENTS[key], key=lambda e: e.section)
    ]
    for bands in catalogue_ac.BAND_LISTS:
        found.append(_setting("ac", bands.element, bands.element.key, gipp, defaults))
        found += [_setting("ac", a, f"{bands.element.key}_{a.name}", gipp, defaults) for a in bands.attributes]
    return found


def _setting(file: str, element: Element, key: str, gipp: Gipp, defaults: dict[str, Any]) -> Setting:
    return Setting(
        file=file,
        section=element.section,
        name=element.name,
        value=gipp.values[key],
        default=defaults[key],
        unit=element.unit,
        allowed=element.allowed,
        meaning=element.meaning,
    )
