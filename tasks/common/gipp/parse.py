"""Opening a configuration file that somebody else wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tasks.common.errors import InvalidConfiguration, InvalidInput
from tasks.common.xml import Node, parse_xml_bytes, shown

MAX_BYTES: Final = 1 << 20
"""Largest configuration file accepted; the real ones have about 10 kB."""


def parse_configuration(path: Path, *root_names: str) -> Node:
    """Return the root element of a configuration file, without comments.

    Args:
        path: the file.
        root_names: local names that the root may have.

    Raises:
        InvalidConfiguration: the file cannot be read, is too large, is not well-formed, declares a document type, or
            has another root.
    """
    content = _read_bytes(path)
    try:
        root = parse_xml_bytes(content, path)
    except InvalidInput as error:
        raise InvalidConfiguration(str(error)) from error
    if root.name not in root_names:
        expected = " or ".join(f"<{name}>" for name in root_names)
        raise InvalidConfiguration(f"{shown(path)}: root element is <{shown(root.name)}>, expected {expected}")
    return root


def _read_bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise InvalidConfiguration(f"{shown(path)}: no such file")
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidConfiguration(f"{shown(path)}: cannot be read ({error.strerror})") from error
    if len(content) > MAX_BYTES:
        raise InvalidConfiguration(f"{shown(path)}: larger than {MAX_BYTES} bytes, not a GIPP")
    return content
