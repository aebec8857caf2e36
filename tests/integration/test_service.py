"""The service as operators run it: PostgreSQL, server, two workers, deployments; load, schedule, faults.

The faults follow one another on one service, since to start it takes half a minute.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from archive_runs import environment, run_sen2flow
from browser import Browser
from many_products import copies, smallest_product
from service import Postgres, Service, wait_for
from whole_runs import digests

pytestmark = pytest.mark.slow
"""Minutes on two cores, and a database and a browser to be installed: run by ``make service-test``."""

PREFECT = [sys.executable, "-m", "prefect"]
STAGES = (
    "l1c", "dem", "esa_cci", "quality_masks", "meteo", "classification", "aot", "water_vapour",
    "surface_reflectance_20m", "surface_reflectance_10m", "surface_reflectance_60m", "images",
)  # fmt: skip
LOAD = int(os.environ.get("SEN2FLOW_TEST_LOAD", "6"))
"""Products of the load run; ``make load-test`` runs it with 150."""

LARGE = LOAD >= 12
"""A load run of its own: polls as seldom as in operation, and two products at a time on each of the two workers."""

FAST = {
    "SEN2FLOW_POLL_SECONDS": "2",
    "SEN2FLOW_RESTART_SECONDS": "0",
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "4",
    "PREFECT_SERVER_SERVICES_SCHEDULER_DEPLOYMENT_BATCH_SIZE": "100",
}
"""Polls more often than an operator needs, so that a test does not wait."""


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    if Postgres.programs() is None:
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    made = Postgres()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def service(database: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    env = environment(folder, PREFECT_API_DATABASE_CONNECTION_URL=database.url, **({} if LARGE else FAST))
    made = Service(folder, env, at_a_time=2 if LARGE else 1)
    try:
        made.start()
        made.pause_schedules()
        if LARGE:
            made.start_runs_directly()
        yield made
    finally:
        code = made.stop()
    assert code == 0, "Ctrl-C ends the service without an error"
    left = subprocess.run(["pgrep", "-f", f"127.0.0.1:{made.port}"], capture_output=True, check=False)
    assert left.returncode != 0, "a process was left behind"


@pytest.fixture(scope="module")
def archive(service: Service, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The products that the folder of the nightly run holds."""
    smallest = smallest_product(tmp_path_factory.mktemp("smallest"))
    return copies(smallest, service.l1c, LOAD)


@pytest.fixture(scope="module")
def plain(service: Service, archive: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The same products, at most twelve of them, made without a server and undisturbed."""
    out = tmp_path_factory.mktemp("plain")
    listed = out.parent / "plain.txt"
    listed.write_text("".join(f"{path}\n" for path in archive[:: max(1, LOAD // 12)][:12]), encoding="utf-8")
    env = {k: v for k, v in service.env.items() if k != "PREFECT_API_URL"}
    words = ("--in-flight", "2", "--memory-mb", "0", "--disk-mb", "0")
    done = run_sen2flow("archive", listed, "--output-dir", out, *words, env=env)
    assert done.returncode == 0, done.stdout
    return contents(out)


def contents(folder: Path) -> dict[str, dict[str, str]]:
    return {path.name: digests(path) for path in sorted(folder.glob("*.SAFE"))}


@dataclass(frozen=True)
class Processed:
    """The archive's first run on the service."""

    run_id: str
    seconds: float
    database_bytes: int


@pytest.fixture(scope="module")
def processed(service: Service, archive: list[Path], plain: dict[str, dict[str, str]], database: Postgres) -> Processed:
    """The archive is processed: what follows finds it done, whichever test is run first."""
    before = database.size()
    started = time.monotonic()
    limits = service.deployment("process-archive/on-demand")["parameters"]["request"]["limits"]
    wanted = {"limits": {**limits, "in_flight": 6, "memory_mb": 0}} if LARGE else None
    run = service.run("process-archive/on-demand", wanted)
    ended = service.wait(run, seconds=600.0 + 60.0 * LOAD, pause=10.0 if LARGE else 1.0)
    assert ended["state_name"] == "Completed", ended
    return Processed(ended["id"], time.monotonic() - started, database.size() - before)


def test_load(service: Service, processed: Processed, plain: dict[str, dict[str, str]]) -> None:
    seconds = processed.seconds
    made = contents(service.l2a)
    assert len(made) == LOAD
    assert {name: made[name] for name in plain} == plain
    # The archive's products differ in their day alone: so do all results, also those not made without a server.
    assert (
        len({tuple(digest for name, digest in files.items() if name.endswith(".jp2")) for files in made.values()}) == 1
    )
    runs = service.runs_of("process-listed")
    assert len(runs) == LOAD
    rows = service.table(processed.run_id)
    assert len(rows) == min(LOAD, 1000), "the table artifact's longest"
    assert {row["ending"] for row in rows} == {"degraded"}
    busy = sum(run["total_run_time"] for run in runs)
    figures = {
        "products": LOAD,
        "wall [s]": round(seconds, 1),
        "products an hour": round(3600 * LOAD / seconds),
        "inside a run [s]": round(busy / LOAD, 2),
        "products at a time": 2 * service.at_a_time,
        "around a run, of a place for a product [s]": round((2 * service.at_a_time * seconds - busy) / LOAD, 2),
        "database [kB a product]": round(processed.database_bytes / 1024 / LOAD, 1),
    }
    figures |= {"plain: inside a product [s]": plain_seconds(service.folder.parent)}
    text = "".join(f"{name}: {value}\n" for name, value in figures.items())
    report = Path(os.environ.get("SEN2FLOW_TEST_PICTURES", "build/pictures")).parent / f"load-{LOAD}.txt"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(text, encoding="utf-8")
    print(f"\n{text}")


def plain_seconds(folder: Path) -> float:
    """Mean time of a product without a server, as its ledger has it."""
    import json

    entries = [json.loads(path.read_text()) for path in folder.glob("plain*/.sen2flow/ledger/*.json")]
    return round(sum(entry["seconds"] for entry in entries) / len(entries), 2)


def test_second_run_does_nothing(service: Service, processed: Processed) -> None:
    before = len(service.runs_of("process-listed"))
    ended = service.wait(service.run("process-archive/on-demand"))
    assert ended["state_name"] == "Completed"
    assert len(service.runs_of("process-listed")) == before, "no run for what is done"


def test_schedule_processes_the_new_product_only(service: Service, archive: list[Path], processed: Processed) -> None:
    """The nightly deployment with a schedule of some seconds."""
    before = set(contents(service.l2a))
    known = len(service.runs_of("process-listed"))
    new = copies(archive[0], service.l1c, 1, LOAD + 1)[0]
    nightly = service.deployment("process-archive/nightly")
    (schedule,) = nightly["schedules"]
    assert schedule["schedule"]["cron"] == "0 22 * * *"
    words = ["deployment", "schedule", "create", "process-archive/nightly", "--interval", "10", "--replace", "-y"]
    subprocess.run([*PREFECT, *words], env=service.env, check=True, capture_output=True)
    try:
        wait_for(lambda: len(contents(service.l2a)) > len(before))
    finally:
        words = ["deployment", "schedule", "clear", "process-archive/nightly", "-y"]
        subprocess.run([*PREFECT, *words], env=service.env, check=True, capture_output=True)
        shutil.rmtree(new)
    (made,) = set(contents(service.l2a)) - before
    assert new.name.split("_")[2] in made
    assert len(service.runs_of("process-listed")) == known + 1
    run = next(run for run in service.runs_of("process-archive") if "auto-scheduled" in run["tags"])
    assert run["deployment_id"] == nightly["id"]


def test_announced_product_is_processed(service: Service, archive: list[Path], tmp_path: Path) -> None:
    new = copies(archive[0], tmp_path / "arrived", 1, LOAD + 2)[0]
    before = set(contents(service.l2a))
    code = (
        "import sys, time; from prefect.events import emit_event; "
        "emit_event('l1c.product.available', {'prefect.resource.id': 'l1c.product.new', 'path': sys.argv[1]}); "
        "time.sleep(2)"
    )
    subprocess.run([sys.executable, "-c", code, str(new)], env=service.env, check=True, timeout=60)
    wait_for(lambda: set(contents(service.l2a)) - before)
    (made,) = set(contents(service.l2a)) - before
    assert new.name.split("_")[2] in made


def test_command_line_on_the_server(service: Service, archive: list[Path], tmp_path: Path) -> None:
    """``sen2flow archive`` with PREFECT_API_URL: processes of this machine, and each is a run on the server."""
    copies(archive[0], tmp_path / "l1c", 1, LOAD + 6)
    known = len(service.runs_of("process-listed"))
    words = ("--output-dir", tmp_path / "out", "--memory-mb", "0", "--disk-mb", "0")
    done = run_sen2flow("archive", tmp_path / "l1c", *words, env=service.env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 products: 1 degraded" in done.stdout
    assert len(contents(tmp_path / "out")) == 1
    assert len(service.runs_of("process-listed")) == known + 1
    again = run_sen2flow("archive", tmp_path / "l1c", *words, env=service.env)
    assert "1 products: 1 unchanged" in again.stdout


def test_worker_killed_and_database_stopped(
    service: Service, archive: list[Path], plain: dict[str, dict[str, str]], database: Postgres
) -> None:
    """The second worker and its run are killed and the database goes away; a retry makes everything whole."""
    out = service.folder / "disturbed"
    run = service.run("process-archive/on-demand", {"output_dir": str(out)})
    wait_for(lambda: len(list((out / ".sen2flow" / "ledger").glob("*.json"))) == 2)
    service.kill_second_worker()
    killed = kill_one_claimant(out)
    time.sleep(2)
    database.stop()
    time.sleep(float(os.environ.get("SEN2FLOW_TEST_OUTAGE", "30")))
    database.start()
    whole(out)
    service.start_second_worker()
    wait_for(lambda: len(list((out / ".sen2flow" / "ledger").glob("*.json"))) == LOAD)
    wait_for(lambda: not alive(out))
    again = service.wait(service.run("retry-failed/after-crash", {"output_dir": str(out)}))
    assert again["state_name"] == "Completed", again
    rows = {row["key"] for row in service.table(again["id"])}
    assert killed in rows
    assert len(rows) <= 2, "the killed worker's product, and the killed run's"
    assert contents(out) == plain
    state = service.state(run)
    if state["state_type"] not in {"COMPLETED", "FAILED"}:  # it waits for the killed run, which the retry gave up
        state = service.wait(run)
    crashed = [r for r in service.runs_of("process-listed") if r["state_name"] == "Crashed"]
    assert len(crashed) == len(rows), "the API knows of the killed runs"


def whole(out: Path) -> dict[str, dict[str, str]]:
    """Return the products there are; each must be complete at any moment."""
    found = contents(out)
    for name in found:
        assert (out / name / "manifest.safe").is_file(), "never a part of a product"
    return found


def test_server_killed_in_mid_run(service: Service, archive: list[Path], plain: dict[str, dict[str, str]]) -> None:
    """``sen2flow up`` starts it again; the runs that were under way, and the archive run, go on."""
    out = service.folder / "restarted"
    run = service.run("process-archive/on-demand", {"output_dir": str(out)})
    wait_for(lambda: list((out / ".sen2flow" / "claims").glob("*.claim")))
    service.kill_server()
    wait_for(lambda: service.state(run)["state_type"] == "UNKNOWN", pause=0.1)
    wait_for(lambda: service.state(run)["state_type"] != "UNKNOWN")
    assert set(whole(out)) <= set(plain)
    ended = service.wait(run)
    again = service.wait(service.run("retry-failed/after-crash", {"output_dir": str(out)}))
    assert again["state_name"] == "Completed", again
    assert ended["state_name"] == "Completed", ended
    assert whole(out) == plain


def test_two_archive_runs_at_once(service: Service, archive: list[Path], plain: dict[str, dict[str, str]]) -> None:
    out = service.folder / "twice"
    before = {run["id"] for run in service.runs_of("process-listed")}
    runs = [service.run("process-archive/on-demand", {"output_dir": str(out)}) for _ in range(2)]
    assert [service.wait(run)["state_name"] for run in runs] == ["Completed", "Completed"]
    ended = [run["state_name"] for run in service.runs_of("process-listed") if run["id"] not in before]
    assert ended.count("Completed") == LOAD, "no product twice"
    assert set(ended) <= {"Completed", "Busy", "Unchanged"}
    assert whole(out) == plain


def test_workers_killed_in_every_stage(service: Service, archive: list[Path], plain: dict[str, dict[str, str]]) -> None:
    """Few products, twelve stages: each product's worker is killed in one stage, and by the retries in other ones."""
    out, few = service.folder / "killed", archive[:6]
    listed = service.folder / "few.txt"
    listed.write_text("".join(f"{path}\n" for path in few), encoding="utf-8")
    limits = {"in_flight": 2, "max_attempts": 20, "memory_mb": 0, "disk_mb": 0}
    request = {"output_dir": str(out), "limits": limits}
    service.kill_second_worker()  # the service's own worker is started again by the service
    for start in range(0, len(STAGES), len(few)):
        for path, stage in zip(few, STAGES[start:], strict=False):
            (service.kills / f"{stage}_{path.name.split('_')[2][:8]}").touch()
        if start == 0:
            more = {"source": str(listed), "work_dir": str(service.folder / "killed-work")}
            run = service.run("process-archive/on-demand", request | more)
        else:
            run = service.run("retry-failed/after-crash", request)
        ended = service.wait(run)
        assert ended["state_name"] == "Failed", ended
        assert {row["ending"] for row in service.table(run)} == {"crashed"}
        assert not list(service.kills.iterdir()), "each was killed"
        assert whole(out) == {}
    service.start_second_worker()
    again = service.wait(service.run("retry-failed/after-crash", request))
    assert again["state_name"] == "Completed", again
    days = [path.name.split("_")[2] for path in few]
    assert whole(out) == {name: files for name, files in plain.items() if name.split("_")[2] in days}


def kill_one_claimant(out: Path) -> str:
    """SIGKILL for the process of one claimed product; return its key."""
    import json

    claim = sorted((out / ".sen2flow" / "claims").glob("*.claim"))[0]
    os.kill(json.loads(claim.read_text())["pid"], signal.SIGKILL)
    return claim.name.rsplit(".", 2)[0]


def alive(out: Path) -> list[str]:
    from flows.archive.claims import is_claimed

    folder = out / ".sen2flow" / "claims"
    keys = [path.name.rsplit(".", 2)[0] for path in folder.glob("*.claim")]
    return [key for key in keys if is_claimed(folder, key)]


@pytest.fixture
def browser() -> Iterator[Browser]:
    if not Browser.is_there():
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    made = Browser(Path(os.environ.get("SEN2FLOW_TEST_PICTURES", "build/pictures")))
    yield made
    made.close()


def field(title: str, kind: str) -> str:
    """XPath of a form's input by the title above it."""
    return (
        f"(//*[self::label or self::span or self::div][starts-with(normalize-space(), '{title}')]/following::{kind})[1]"
    )


def tab(title: str) -> str:
    """XPath of a page's tab."""
    return f"//li[contains(@class, 'p-tab')][normalize-space()='{title}']"


def test_user_interface(service: Service, archive: list[Path], browser: Browser, tmp_path: Path) -> None:
    """A wrong parameter is refused, a good one runs; stages, report, Retry and Cached stages can be seen."""
    (product,) = copies(archive[0], tmp_path / "ui", 1, LOAD + 4)
    form = service.deployment("process-archive/on-demand")["id"]
    known = len(service.runs_of("process-archive"))
    browser.open(f"{service.address}/deployments/deployment/{form}/run")
    browser.wait_for_text("Products at a time")
    browser.picture("1-form")
    browser.write(field("Source", "textarea"), str(product.parent))
    browser.write(field("Products at a time", "input"), "0")
    browser.click("//button[normalize-space()='Submit']")
    time.sleep(3)
    browser.picture("2-wrong-parameter-refused")
    assert f"/deployment/{form}/run" in str(browser.script("return location.href")), "still on the form"
    assert len(service.runs_of("process-archive")) == known
    browser.write(field("Products at a time", "input"), "1")
    browser.click("//button[normalize-space()='Submit']")
    new = wait_for(lambda: service.runs_of("process-archive")[known:])
    wait_for(lambda: len(service.runs_of("process-archive")) == known + 1)
    run = max(service.runs_of("process-archive"), key=lambda r: r["created"])
    assert new
    ended = service.wait(run["id"])
    assert ended["state_name"] == "Completed"
    browser.open(f"{service.address}/runs/flow-run/{run['id']}")
    browser.wait_for_text("Completed")
    browser.picture("3-archive-run")

    day = product.name.split("_")[2][:8]
    name = f"T32TMQ {day[:4]}-{day[4:6]}-{day[6:]} S2A N0510"
    tile = next(r for r in service.runs_of("process-tile") if r["name"] == name)
    browser.open(f"{service.address}/runs/flow-run/{tile['id']}")
    browser.click(tab("Task Runs"), then="//*[starts-with(normalize-space(), 'surface-reflectance-10m')]")
    browser.picture("4-stages")
    browser.click(tab("Artifacts"), then="//*[contains(text(), 'Level-2A processing of')]")
    browser.picture("5-artifacts")
    report = service.post(
        "/artifacts/filter", artifacts={"flow_run_id": {"any_": [tile["id"]]}, "type": {"any_": ["markdown"]}}
    )
    browser.open(f"{service.address}/artifacts/artifact/{report[0]['id']}")
    browser.wait_for_text("Mean AOT")
    browser.picture("6-report")


def test_tile_from_its_form(service: Service, archive: list[Path], browser: Browser, tmp_path: Path) -> None:
    """One product: a wrong baseline is refused, a good one runs; its stages and report can be seen."""
    (product,) = copies(archive[0], tmp_path / "tile", 1, LOAD + 7)
    form = service.deployment("process-product/on-demand")["id"]
    known = {run["id"] for run in service.runs_of("process-product")}
    browser.open(f"{service.address}/deployments/deployment/{form}/run")
    browser.wait_for_text("Level-1C product")
    for title in ("SAFE folder, zip archive", "Resolution [m]", "Scene classification only"):
        assert title in browser.text()
    browser.write(field("Level-1C product", "textarea"), str(product))
    browser.picture("10-tile-form")
    browser.click(field("Processing baseline", "*[normalize-space()='str']"))
    browser.write(field("Processing baseline", "textarea"), "5.11")
    browser.click("//button[normalize-space()='Submit']")
    time.sleep(3)
    browser.picture("11-wrong-baseline-refused")
    assert f"/deployment/{form}/run" in str(browser.script("return location.href")), "still on the form"
    assert {run["id"] for run in service.runs_of("process-product")} == known
    browser.write(field("Processing baseline", "textarea"), "05.11")
    browser.click("//button[normalize-space()='Submit']")
    (new,) = wait_for(lambda: {run["id"] for run in service.runs_of("process-product")} - known)
    assert service.wait(new)["state_name"] == "Completed"
    assert [path.name.split("_")[3] for path in product.parent.glob("S2?_MSIL2A_*.SAFE")] == ["N0511"]
    browser.open(f"{service.address}/runs/flow-run/{new}")
    browser.wait_for_text("Completed")
    browser.picture("12-tile-completed")


def test_retry_button(service: Service, archive: list[Path], browser: Browser, tmp_path: Path) -> None:
    """A failed run, its Retry button, and the stages that were finished are Cached."""
    product = copies(archive[0], tmp_path / "l1c", 1, LOAD + 5)[0]
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    request = {"input_path": str(product), "output_dir": str(blocked), "work_dir": str(service.work)}
    run = service.run("process-product/on-demand", request)
    assert service.wait(run)["state_name"] == "Failed"
    blocked.unlink()
    browser.open(f"{service.address}/runs/flow-run/{run}")
    browser.wait_for_text("Failed")
    browser.picture("7-failed-run")
    dialogue = "//*[contains(@class, 'p-modal__card')]//button[normalize-space()='Retry']"
    browser.click("//button[normalize-space()='Retry']", then=dialogue)
    browser.picture("8-retry")
    browser.click(dialogue)
    wait_for(lambda: service.state(run)["state_name"] != "Failed")
    assert service.wait(run)["state_name"] == "Completed"
    assert len(contents(blocked)) == 1
    tiles = service.post("/flow_runs/filter", flow_runs={"parent_flow_run_id": {"any_": [run]}})
    newest = max(tiles, key=lambda t: t["expected_start_time"])
    tasks = service.post("/task_runs/filter", flow_runs={"id": {"any_": [newest["id"]]}})
    assert sum(task["state_name"] == "Cached" for task in tasks) == 12
    browser.open(f"{service.address}/runs/flow-run/{newest['id']}")
    browser.click(tab("Task Runs"), then="//*[normalize-space()='Cached']")
    browser.picture("9-cached-stages")


def test_form_refuses_a_wrong_parameter(service: Service) -> None:
    import httpx

    deployment = service.deployment("process-archive/on-demand")
    schema = deployment["parameter_openapi_schema"]
    text = str(schema)
    for title in ("Source", "Tiles", "Highest cloud cover [%]", "Output folder", "Limits"):
        assert title in text
    body = {"parameters": {"request": {"source": "x", "output_dir": "/x", "max_cloud": 140}}}
    answer = httpx.post(f"{service.api}/deployments/{deployment['id']}/create_flow_run", json=body, timeout=60)
    assert answer.status_code in (409, 422)
    assert "140" in answer.text


def test_retention_deletes_ended_runs(service: Service) -> None:
    ended = [run for run in service.runs_of("process-listed") if run["end_time"]]
    code = (
        "from datetime import UTC, datetime; from prefect.client.orchestration import get_client; "
        "from flows.retention import delete_runs\n"
        "with get_client(sync_client=True) as client: print(delete_runs(client, datetime.now(UTC)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=service.env, check=True, timeout=300, capture_output=True, text=True
    )
    assert int(done.stdout) >= len(ended) > 0
    assert [run for run in service.runs_of("process-listed") if run["end_time"]] == []
    assert service.post("/artifacts/filter", artifacts={"type": {"any_": ["table"]}}) == []
