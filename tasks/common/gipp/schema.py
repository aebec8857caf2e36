"""How one GIPP element is described, and how its text becomes a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Value = str | int | float | bool | None

_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_SHOWN: Final = 60
NONE: Final = "NONE"
"""The word that Sen2Cor's files use for an absent directory or reference."""


OWN: Final = "sen2flow"
"""``since`` of elements that this program has beside Sen2Cor's; a file without them is no older file."""


class Kind(StrEnum):
    """What the text of an element is."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    OPTIONAL_TEXT = "optional text"
    """Text, or ``NONE``, which becomes None."""


@dataclass(frozen=True)
class Element:
    """One configuration element.

    Attributes:
        name: the XML name; ``key`` is the same in lower case.
        section: path of the parent below the root, empty for a child of the root.
        kind: what the text is.
        default: value when a file does not have the element.
        meaning: what it is for.
        unit: unit of the value, empty when it has none.
        minimum, maximum: limits of a number, both or neither.
        exclusive: the limits themselves are not allowed.
        choices: the only values allowed, empty when free.
        words: words allowed instead of a number (``AUTO``).
        multiple_of: an integer must be divisible by this.
        pattern: regular expression that the text must match as a whole.
        since: first version of Sen2Cor known to have the element.
    """

    name: str
    section: str
    kind: Kind
    default: Value
    meaning: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    exclusive: bool = False
    choices: tuple[Value, ...] = ()
    words: tuple[str, ...] = ()
    multiple_of: int = 1
    pattern: str | None = None
    since: str = "2.8"

    @property
    def key(self) -> str:
        """Name of the value in ``Gipp.values``."""
        return self.name.lower()

    @property
    def path(self) -> str:
        """Path of the element below the root."""
        return f"{self.section}/{self.name}" if self.section else self.name

    @property
    def allowed(self) -> str:
        """The values allowed, in words."""
        unit = f" {self.unit}" if self.unit else ""
        if self.kind is Kind.BOOLEAN:
            return "TRUE or FALSE"
        if self.choices:
            return f"one of {', '.join(str(c) for c in self.choices)}{unit}"
        if self.kind in (Kind.INTEGER, Kind.NUMBER):
            return " or ".join((*self.words, self._allowed_number() + unit + self._conditions()))
        if self.pattern:
            return f"a text that matches {self.pattern}"
        return f"a text or {NONE}" if self.kind is Kind.OPTIONAL_TEXT else "a text"

    def _allowed_number(self) -> str:
        noun = "an integer" if self.kind is Kind.INTEGER else "a number"
        if self.minimum is None or self.maximum is None:
            return noun
        if self.exclusive:
            return f"{noun} above {self.minimum:g} and below {self.maximum:g}"
        return f"{noun} from {self.minimum:g} to {self.maximum:g}"

    def _conditions(self) -> str:
        multiple = f", divisible by {self.multiple_of}" if self.multiple_of > 1 else ""
        return multiple + (f", written as {self.pattern}" if self.pattern else "")


@dataclass(frozen=True)
class BandList:
    """A list of thirteen elements of the same name, one a band in the order of ``tasks.common.bands.BANDS``.

    Attributes:
        element: description of one entry; ``section`` is the list's parent.
        attributes: descriptions of the entry's XML attributes; their values are keyed ``<name>_<attribute>``.
        default: values by band.
        attribute_defaults: values by attribute and band.
    """

    element: Element
    default: dict[str, float]
    attributes: tuple[Element, ...] = ()
    attribute_defaults: dict[str, dict[str, float]] | None = None


def spelt(value: Value) -> str:
    """Return a value as the files spell it."""
    if value is None:
        return NONE
    return str(value).upper() if isinstance(value, bool) else str(value)


def shown(text: str) -> str:
    """Return a user's text for a message: in quotes, on one line, shortened."""
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= _SHOWN else flat[: _SHOWN - 3] + "...")


def parse_value(element: Element, text: str) -> Value:
    """Return the value of an element's text.

    Raises:
        ValueError: the text is not what ``element.allowed`` says.
    """
    text = text.strip()
    if element.kind is Kind.BOOLEAN:
        if text.lower() not in _BOOLEANS:
            raise ValueError(element.allowed)
        return _BOOLEANS[text.lower()]
    if element.kind in (Kind.TEXT, Kind.OPTIONAL_TEXT):
        return _parse_text(element, text)
    if text in element.words:
        return text
    return _parse_number(element, text)


def _parse_text(element: Element, text: str) -> Value:
    if element.kind is Kind.OPTIONAL_TEXT and text.upper() == NONE:
        return None
    known = not element.choices or text in element.choices
    fits = element.pattern is None or re.fullmatch(element.pattern, text) is not None
    if not (text and known and fits):
        raise ValueError(element.allowed)
    return text


def _parse_number(element: Element, text: str) -> int | float:
    if not re.fullmatch(element.pattern or _NUMBER, text):
        raise ValueError(element.allowed)
    number = float(text)
    low = -float("inf") if element.minimum is None else element.minimum
    high = float("inf") if element.maximum is None else element.maximum
    inside = low < number < high if element.exclusive else low <= number <= high
    if not inside or abs(number) == float("inf"):
        raise ValueError(element.allowed)
    if element.kind is Kind.INTEGER:
        if number != int(number) or int(number) % element.multiple_of:
            raise ValueError(element.allowed)
        number = int(number)
    if element.choices and number not in element.choices:
        raise ValueError(element.allowed)
    return number
