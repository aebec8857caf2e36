"""The STAC items of an archive's products: each product that is done has one where items are asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from flows.archive.request import Ending, Item, Row
from tasks.common.errors import L2AError
from tasks.stac_item.task import describe_product, item_path

Describe = Callable[[Path], Path]
"""Writes the STAC item of a complete product; raises ``L2AError``."""

_WITH_PRODUCT: Final = frozenset({Ending.DONE, Ending.DEGRADED, Ending.UNCHANGED})


def ensure_item(item: Item, row: Row, describe: Describe) -> None:
    """Have the item of a product written where it is asked for and not there.

    Raises:
        L2AError: it cannot be written; the product and its entry in the ledger are good all the same.
    """
    wanted = item.request.stac and row.ending in _WITH_PRODUCT
    if wanted and row.product is not None and not item_path(row.product).is_file():
        describe(row.product)


def with_item(item: Item, row: Row) -> Row:
    """Write the item that a product done before may lack, and return its line: *failed* where that fails."""
    try:
        ensure_item(item, row, describe_product.fn)
    except L2AError as error:
        message = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return row.model_copy(update={"ending": Ending.FAILED, "message": message})
    return row
