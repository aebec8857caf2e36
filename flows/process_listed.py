"""One product of an archive run as a flow run of its own."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.archive.guarded import process_item
from flows.archive.request import Ending, Item, Row
from flows.observation import product_words, tag_run
from flows.process_product import process_product
from flows.request import ProductOutcome, ProductRequest
from flows.runners import PrefectRunner
from tasks.common.errors import InternalInconsistency
from tasks.stac_item.task import describe_product


def listed_run_name() -> str:
    """Name of the run: the words of the product's name."""
    item = flow_run.parameters["item"]
    key = item["candidate"]["key"] if isinstance(item, dict) else item.candidate.key
    return " ".join(product_words(f"{key}.SAFE"))


def _process(request: ProductRequest) -> ProductOutcome:
    """Run the product inside the current flow run, so that a product is one run and not two."""
    found = process_product.fn(request)
    outcome = found.data if isinstance(found, State) else found
    if not isinstance(outcome, ProductOutcome):
        raise InternalInconsistency(f"{request.input_path}: process-product ended without an outcome")
    return outcome


@flow(name="process-listed", flow_run_name=listed_run_name, persist_result=True, result_serializer="json")
def process_listed(item: Item) -> Row | State[Row]:
    """Process one product of an archive: once, whoever else tries, and with an entry in the ledger.

    Retry in the UI takes up the finished stages.
    """
    tag_run("archive", *product_words(f"{item.candidate.key}.SAFE"))
    if (flow_run.run_count or 0) > 1:  # somebody pressed Retry: an earlier failure is no reason to refuse
        item = item.model_copy(update={"despite": (*item.despite, Ending.REFUSED)})
    run = PrefectRunner()
    row = process_item(item, _process, lambda product: run(describe_product, product), flow_run.id)
    if row.ending is Ending.REFUSED:
        return Failed(name="Refused", message=row.message, data=row)
    if row.ending in (Ending.SKIPPED, Ending.UNCHANGED, Ending.BUSY):
        return Completed(name=row.ending.title(), message=row.message, data=row)
    return row
