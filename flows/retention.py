"""Keeps database and work folder from growing: old runs and their artifacts, unused stages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import TERMINAL_STATES
from prefect.exceptions import ObjectNotFound
from pydantic import Field, field_validator

from flows.archive.housekeeping import CleanRules, clean
from flows.archive.request import none_if_empty
from tasks.common.records import Record
from tasks.common.stage import stage_logger

_BATCH: Final = 100
_DAY_S: Final = 86400.0


class RetentionRequest(Record):
    """How long runs and finished stages are kept."""

    keep_days: int = Field(90, ge=1, title="Keep runs [days]", description="Ended runs older than this are deleted.")
    work_dir: Path | None = Field(None, title="Work folder", description="Cleaned too when given.")
    _no_empty_folder = field_validator("work_dir", mode="before")(none_if_empty)

    work_days: int = Field(14, ge=1, title="Keep stages [days]", description="Stages not used for longer are removed.")


def delete_runs(client: SyncPrefectClient, before: datetime) -> int:
    """Delete the runs that ended before a moment, with their artifacts, and return how many."""
    old = FlowRunFilter(
        end_time=FlowRunFilterEndTime(before_=before),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=sorted(TERMINAL_STATES))),
    )
    deleted = 0
    while True:
        runs = client.read_flow_runs(flow_run_filter=old, limit=_BATCH)
        if not runs:
            return deleted
        ids = [run.id for run in runs]
        of_runs = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=ids))
        while artifacts := client.read_artifacts(artifact_filter=of_runs, limit=_BATCH):
            for artifact in artifacts:
                client.delete_artifact(artifact.id)
        for run in ids:
            try:
                client.delete_flow_run(run)
            except ObjectNotFound:
                continue  # it went with its parent, or another retention run took it
            deleted += 1


@flow(name="retention", persist_result=False)
def retention(request: RetentionRequest) -> None:
    """Delete ended runs and unused stages that are older than asked for."""
    with get_client(sync_client=True) as client:
        deleted = delete_runs(client, datetime.now(UTC) - timedelta(days=request.keep_days))
    stage_logger().info("%d runs deleted", deleted)
    if request.work_dir is not None and request.work_dir.is_dir():
        gone = clean(request.work_dir, CleanRules(older_than_s=request.work_days * _DAY_S))
        stage_logger().info("%d folders of stages removed, %.2f GB", len(gone), sum(t.size for t in gone) / (1 << 30))
