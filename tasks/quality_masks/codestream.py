"""Finds equal tiles in a JPEG 2000 codestream without decoding it. Pure.

Quality masks are nearly always empty, so that their tiles are byte for byte the same; decoding one of each kind gives
all of them. Equal bytes mean equal pixels when the tiles divide into code blocks and precincts in the same way, which
holds for tiles whose sides are powers of two and that are counted from the image's corner.

Source: ISO/IEC 15444-1, annex A (markers SIZ, COD, SOT) and annex B (division into tiles, precincts, code blocks).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

_START: Final = b"\xff\x4f\xff\x51"
_COD: Final = 0xFF52
_SOT: Final = 0xFF90
_MAX_TILES: Final = 65_535


@dataclass(frozen=True)
class Block:
    """A rectangle of pixels: first row and column, and its size."""

    row: int
    col: int
    rows: int
    cols: int


def equal_blocks(content: bytes) -> tuple[tuple[Block, ...], ...] | None:
    """Return the tiles of an image in groups whose pixels are the same.

    Args:
        content: a whole JP2 file or codestream.

    Returns:
        Groups of at least one tile, all of one size; None when the file does not say enough, and has to be decoded.
    """
    start = content.find(_START)
    if start < 0:
        return None
    try:
        size = _size(content, start + 4)
        if size is None:
            return None
        parts = _tile_parts(content, start + 2, max(size[2].bit_length(), size[3].bit_length()))
    except (struct.error, ValueError):
        return None
    rows, cols, tile_rows, tile_cols = size
    across, down = -(-cols // tile_cols), -(-rows // tile_rows)
    if across * down > _MAX_TILES or set(parts) != set(range(across * down)):
        return None
    groups: dict[tuple[int, int, bytes], list[Block]] = {}
    for number, data in parts.items():
        row, col = (number // across) * tile_rows, (number % across) * tile_cols
        block = Block(row, col, min(tile_rows, rows - row), min(tile_cols, cols - col))
        groups.setdefault((block.rows, block.cols, data), []).append(block)
    return tuple(tuple(blocks) for blocks in groups.values())


def _size(content: bytes, at: int) -> tuple[int, int, int, int] | None:
    """Return rows and columns of the image and of a tile; None for a division that is not a plain one."""
    _, _, width, height, x, y, tile_width, tile_height, tile_x, tile_y = struct.unpack_from(">HHIIIIIIII", content, at)
    plain = (x, y, tile_x, tile_y) == (0, 0, 0, 0) and 0 < width <= 1 << 20 and 0 < height <= 1 << 20
    powers = all(side and side & (side - 1) == 0 for side in (tile_width, tile_height))
    return (height, width, tile_height, tile_width) if plain and powers else None


def _tile_parts(content: bytes, at: int, bits: int) -> dict[int, bytes]:
    """Return what follows the SOT segments of each tile, by the tile's number.

    Raises:
        ValueError: the chain of markers is broken, or there are more decompositions than a tile can have.
    """
    while True:
        marker, length = struct.unpack_from(">HH", content, at)
        if marker == _SOT:
            break
        if marker < 0xFF01 or length < 2 or (marker == _COD and content[at + 9] >= bits):
            raise ValueError("no plain main header")
        at += 2 + length
    parts: dict[int, list[bytes]] = {}
    while at + 12 <= len(content) and content[at : at + 2] == b"\xff\x90":
        length, number, size, _, _ = struct.unpack_from(">HHIBB", content, at + 2)
        if length != 10 or size < 14 or at + size > len(content):
            raise ValueError("tile part of unknown length")
        parts.setdefault(number, []).append(content[at + 12 : at + size])
        at += size
    return {number: b"|".join(pieces) for number, pieces in parts.items()}
