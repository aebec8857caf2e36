"""``sen2flow stac``: the STAC items of products that exist."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def stac(
    products: Annotated[list[Path], typer.Argument(help="Level-2A SAFE folders, of this program or of ESA.")],
) -> None:
    """Write the STAC item of finished Level-2A products, each beside its folder, and print the items' paths.

    Exit status: 0 all written, 1 a product is none or an item cannot be written; the others are written all the same.

    Example:

        sen2flow stac /data/l2a/S2*_MSIL2A_*.SAFE
    """
    # Imported late: the other commands start without Prefect and pystac.
    from flows.cli.execute import one_line
    from tasks.common.errors import L2AError
    from tasks.stac_item.task import describe_product

    failed = False
    for product in products:
        try:
            print(describe_product.fn(product), flush=True)
        except L2AError as error:
            print(f"sen2flow stac: {one_line(error)}", file=sys.stderr, flush=True)
            failed = True
    raise typer.Exit(int(failed))
