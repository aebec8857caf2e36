"""What the server does by itself: process a product that is announced, notice killed runs, retry them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from prefect.automations import Automation
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from flows.archive.fetch import DOWNLOAD_LIMIT

PRODUCT_EVENT: Final = "l1c.product.available"
"""Event that announces a product; its resource carries ``path``."""

ZOMBIE_AFTER: Final = timedelta(seconds=540)
"""Three heartbeats of Prefect's default of 180 s: sooner would give up runs that live."""

DOWNLOADS: Final = 4
"""Downloads at a time of all machines: what the Copernicus Data Space allows one user."""

RETRY_AFTER: Final = timedelta(minutes=15)
_PREFIX: Final = "sen2flow: "


def apply_automations(output_dir: str, work_dir: str | None = None) -> list[str]:
    """Create the automations anew, and the limit of downloads; return the automations' names.

    What others made is left alone.
    """
    with get_client(sync_client=True) as client:
        archive = client.read_deployment_by_name("process-archive/on-demand").id
        retry = client.read_deployment_by_name("retry-failed/after-crash").id
        if DOWNLOAD_LIMIT not in {limit.name for limit in client.read_global_concurrency_limits()}:
            client.upsert_global_concurrency_limit_by_name(DOWNLOAD_LIMIT, DOWNLOADS)  # else it is the operator's
    rules = [announced(archive, output_dir, work_dir), zombies(), crashes(retry)]
    asyncio.run(_replace(rules))
    return [rule.name for rule in rules]


async def _replace(rules: Sequence[Automation]) -> None:
    for rule in rules:
        try:
            present = await Automation.aread(name=rule.name)
        except ValueError:
            present = None
        if present is not None:
            await present.adelete()
        await rule.acreate()


def announced(deployment: UUID, output_dir: str, work_dir: str | None) -> Automation:
    """A product was announced: process it, once, whoever else announces it."""
    request: dict[str, Any] = {
        "source": {"__prefect_kind": "jinja", "template": "{{ event.resource.path }}"},
        "output_dir": output_dir,
        "execution": "deployment",
    }
    if work_dir:
        request["work_dir"] = work_dir
    return Automation(
        name=f"{_PREFIX}process what {PRODUCT_EVENT} announces",
        description="The event's resource has the label path: a Level-1C product that the workers can read.",
        trigger=EventTrigger(expect={PRODUCT_EVENT}, posture=Posture.Reactive, threshold=1),
        actions=[RunDeployment(source="selected", deployment_id=deployment, parameters={"request": request})],
    )


def zombies() -> Automation:
    """A run sends no heartbeat any more and did not end: it was killed.

    ``prefect.flow-run.*`` is expected, not a list of states, since named states such as *Skipped* name their events.
    """
    return Automation(
        name=f"{_PREFIX}runs without heartbeat are crashed",
        description="Memory ran out, the machine went down, or the worker was killed.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=ZOMBIE_AFTER,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message="no heartbeat: its process was killed")],
    )


def crashes(deployment: UUID) -> Automation:
    """A run was killed: look for what it left, after a while, and run it again."""
    return Automation(
        name=f"{_PREFIX}retry after a crash",
        description="Attempts are bounded by the retry's own limit.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Crashed"},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=ResourceSpecification(
                {"prefect.resource.role": ["flow"], "prefect.resource.name": ["process-listed"]}
            ),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[RunDeployment(source="selected", deployment_id=deployment, schedule_after=RETRY_AFTER)],
    )
