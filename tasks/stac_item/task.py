"""The task that writes a finished product's STAC item beside it."""

from __future__ import annotations

import json
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.common.errors import TransientIO
from tasks.common.stage import RETRY_DELAYS_S, is_retriable, stage_logger
from tasks.packaging.unfinished import write_complete
from tasks.stac_item.item import build_item
from tasks.stac_item.read import read_product


def item_path(product: Path) -> Path:
    """Return where a product's item lies: beside the SAFE folder, under the product's name."""
    return product.with_name(f"{product.name.removesuffix('.SAFE')}.json")


@task(
    name="describe-product",
    retries=len(RETRY_DELAYS_S),
    retry_delay_seconds=list(RETRY_DELAYS_S),
    retry_condition_fn=is_retriable,
    cache_policy=NO_CACHE,
)
def describe_product(product: Path) -> Path:
    """Write the STAC item of a complete product beside its folder and return its path; an older item is replaced.

    The same product always gives the same bytes; nothing inside its folder is touched.

    Raises:
        InvalidInput: the product is not complete.
        TransientIO: the product cannot be read or the item cannot be written.
    """
    path = item_path(product.absolute())
    item = build_item(read_product(product.absolute())).to_dict(include_self_link=False, transform_hrefs=False)
    try:
        write_complete(path, json.dumps(item, indent=2, ensure_ascii=False).encode() + b"\n")
    except OSError as error:
        reason = f"the STAC item cannot be written ({error.strerror or error})"
        raise TransientIO(f"{path}: {reason}; the product is complete, sen2flow stac writes its item") from error
    stage_logger().info("STAC item: %s", path)
    return path
