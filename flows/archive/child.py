"""One product in a process of its own: ``python -m flows.archive.child ITEM.json ROW.json``.

Its memory returns to the system when it ends, and what kills it leaves the archive run alive.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from flows.archive.guarded import process_item
from flows.archive.ledger import write_atomically
from flows.archive.request import Ending, Item, Row
from flows.cli.execute import configure_logging, one_line
from flows.process_product import process_product_locally
from flows.runners import LocalRunner
from tasks.stac_item.task import describe_product


def run_item(item: Item) -> Row:
    """Process one product, under the Prefect API when one is configured; a failure is a row too."""
    try:
        if os.environ.get("PREFECT_API_URL"):
            from flows.process_listed import process_listed

            state = process_listed(item, return_state=True)
            found = state.result(raise_on_failure=True)
            return found if isinstance(found, Row) else Row.model_validate(found)
        run = LocalRunner()
        return process_item(item, process_product_locally, lambda product: run(describe_product, product))
    except Exception as error:
        return Row(key=item.candidate.key, ending=Ending.FAILED, message=f"{type(error).__name__}: {one_line(error)}")


def main() -> None:
    """Entry point of the process."""
    item, result = (Path(word) for word in sys.argv[1:3])
    configure_logging(debug=False)
    row = run_item(Item.model_validate_json(item.read_text(encoding="utf-8")))
    write_atomically(result, row.model_dump_json())


if __name__ == "__main__":
    main()
