"""The parts of archive runs by themselves: finding products, claims, decisions, the work folder's cleaning."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from flows.archive.claims import is_claimed, take
from flows.archive.decide import finished_row
from flows.archive.discovery import cloud_cover, discover
from flows.archive.fetch import local_input
from flows.archive.housekeeping import CleanRules, Stored, clean, to_remove
from flows.archive.ledger import Entry, Ledger, Status
from flows.archive.local_service import POOLS, LocalService, ServiceOptions, deployment_file
from flows.archive.request import ArchiveRequest, ArchiveSource, Candidate, Ending, Item, Row
from flows.archive.room import available_memory_mb, await_memory
from flows.cli.archive import age_seconds, size_bytes
from flows.process_archive import unless_taken
from flows.request import ProductRequest
from tasks.common.errors import InvalidConfiguration, InvalidInput, TransientIO

NAMES = (
    "S2A_MSIL1C_20230105T102031_N0509_R108_T32TMQ_20230105T122031",
    "S2B_MSIL1C_20230110T102031_N0509_R108_T32TMQ_20230110T122031",
    "S2B_MSIL1C_20230110T102031_N0510_R108_T32TNQ_20240110T122031",
    "S2A_MSIL1C_20230220T102031_N0400_R108_T32TNQ_20230220T122031",
)
CLOUD = "<a><Cloud_Coverage_Assessment>{}</Cloud_Coverage_Assessment></a>"


def write_product(folder: Path, name: str, cloud: float = 10.0) -> Path:
    product = folder / f"{name}.SAFE"
    product.mkdir(parents=True)
    (product / "MTD_MSIL1C.xml").write_text(CLOUD.format(cloud))
    return product


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Four products in a tree, one of them a second time as an archive, among things that are none."""
    folder = tmp_path / "l1c"
    for number, name in enumerate(NAMES):
        write_product(folder / "2023" / str(number), name, cloud=20.0 * number)
    with zipfile.ZipFile(folder / f"{NAMES[0]}.SAFE.zip", "w") as archive:
        archive.writestr(f"{NAMES[0]}.SAFE/MTD_MSIL1C.xml", CLOUD.format(0))
    (folder / NAMES[0].replace("L1C", "L2A")).with_suffix(".SAFE").mkdir()
    (folder / "notes.txt").write_text("no product")
    (folder / ".hidden" / f"{NAMES[1]}.SAFE").mkdir(parents=True)
    return folder


def found(source: str, **filters: Any) -> list[int]:
    return [NAMES.index(c.key) for c in discover(ArchiveSource(source=source, **filters))]


def test_folder_tree(tree: Path) -> None:
    products = discover(ArchiveSource(source=str(tree)))
    assert [c.key for c in products] == list(NAMES)
    assert products[0].location == str(tree / "2023" / "0" / f"{NAMES[0]}.SAFE"), "the folder rather than the archive"
    assert (products[2].tile, products[2].sensed, products[2].baseline) == ("32TNQ", date(2023, 1, 10), "05.10")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"tiles": ("T32TNQ",)}, [2, 3]),
        ({"date_from": "2023-01-10", "date_to": "2023-01-31"}, [1, 2]),
        ({"baselines": ("05.09",)}, [0, 1]),
        ({"max_cloud": 39.0}, [0, 1]),
        ({"max_cloud": 40.0, "tiles": ("32TNQ",)}, [2]),
    ],
)
def test_filters(tree: Path, filters: dict[str, Any], expected: list[int]) -> None:
    assert found(str(tree), **filters) == expected


def test_glob_list_and_single(tree: Path, tmp_path: Path) -> None:
    assert found(f"{tree}/**/S2B_*.SAFE") == [1, 2]
    listed = tmp_path / "list.txt"
    listed.write_text(f"# mine\nl1c/2023/1/{NAMES[1]}.SAFE  # first\n\n{tree}/{NAMES[0]}.SAFE.zip\n")
    assert found(str(listed)) == [0, 1]
    assert found(str(tree / "2023" / "3" / f"{NAMES[3]}.SAFE")) == [3]
    assert cloud_cover(tree / f"{NAMES[0]}.SAFE.zip") == 0.0
    with pytest.raises(InvalidConfiguration, match="no such file"):
        found(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "wrong",
    [{"tiles": ("32T",)}, {"max_cloud": 101}, {"date_from": "2023-02-01", "date_to": "2023-01-01"}, {"tile": "32TNQ"}],
)
def test_wrong_requests_are_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        ArchiveRequest.model_validate({"source": "x", "output_dir": tmp_path, **wrong})


class Downloads(BaseHTTPRequestHandler):
    """An archive to be fetched, whole or cut off."""

    archive = b""
    broken = False

    def do_GET(self) -> None:
        if self.path != "/product.zip":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.archive)))
        self.end_headers()
        self.wfile.write(self.archive[: len(self.archive) // 2] if self.broken else self.archive)

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def downloads() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Downloads)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def test_download_is_whole_or_not_there(downloads: str, tree: Path, tmp_path: Path) -> None:
    candidate = Candidate(key="one", location=f"{downloads}/product.zip")
    Downloads.archive = (tree / f"{NAMES[0]}.SAFE.zip").read_bytes()
    Downloads.broken = True
    with pytest.raises(TransientIO):
        local_input(candidate, tmp_path / "work")
    assert list((tmp_path / "work" / "downloads").iterdir()) == []
    Downloads.broken = False
    path = local_input(candidate, tmp_path / "work")
    assert path.read_bytes() == Downloads.archive
    with pytest.raises(InvalidInput, match="404"):
        local_input(Candidate(key="two", location=f"{downloads}/other.zip"), tmp_path / "work")


CLAIMER = """
import sys, time
from pathlib import Path
from flows.archive.claims import take
folder, done = Path(sys.argv[1]), Path(sys.argv[2])
for number in range(200):
    claim = take(folder, f"key{number}")
    if claim is not None:
        with claim:
            with (done / f"{number}").open("x") as stream:
                stream.write("mine")
print("ended", flush=True)
sys.stdin.read()
"""


def test_claims_of_many_processes(tmp_path: Path) -> None:
    """Whoever gets a claim makes a file that must not be there: all do in the same order, without sleep."""
    done = tmp_path / "done"
    done.mkdir()
    code = CLAIMER.replace("with claim:", "claim.__enter__()\n        if True:")  # never given back
    command = [sys.executable, "-c", code, str(tmp_path / "claims"), str(done)]
    pipe = subprocess.PIPE
    runs = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    assert [run.stdout.readline() for run in runs if run.stdout] == ["ended\n"] * 4, "alive until all have tried"
    for run in runs:
        run.communicate(timeout=60)
    assert len(list(done.iterdir())) == 200


def test_claim_of_the_living_the_dead_and_the_silent(tmp_path: Path) -> None:
    first = take(tmp_path, "key")
    assert first is not None
    with first:
        assert take(tmp_path, "key") is None
        assert is_claimed(tmp_path, "key")
        assert take(tmp_path, "key2") is not None, "another product"
    assert not is_claimed(tmp_path, "key")
    assert not list(tmp_path.glob("key.*"))

    code = "import sys, pathlib; from flows.archive.claims import take; assert take(pathlib.Path(sys.argv[1]), 'dead')"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert (tmp_path / "dead.1.claim").exists()
    assert not is_claimed(tmp_path, "dead")
    with take(tmp_path, "dead") as second:  # type: ignore[union-attr]
        assert second.path.name == "dead.2.claim"
    assert not list(tmp_path.glob("dead.*"))

    foreign = tmp_path / "far.1.claim"
    foreign.write_text(json.dumps({"space": "another machine", "pid": 1, "born": "1", "host": "far"}))
    assert take(tmp_path, "far") is None
    os.utime(foreign, (time.time() - 400, time.time() - 400))
    assert take(tmp_path, "far") is not None


def test_heartbeat_and_loss(tmp_path: Path) -> None:
    claim = take(tmp_path, "key", heartbeat_s=0.05)
    assert claim is not None
    with claim:
        os.utime(claim.path, (0, 0))
        time.sleep(0.4)
        assert time.time() - claim.path.stat().st_mtime < 5
        assert not claim.lost
        claim.path.with_name("key.2.claim").write_text("{}")
        assert claim.lost
    assert (tmp_path / "key.2.claim").exists(), "the claim of another is left alone"


def entry(tmp_path: Path, **changes: Any) -> Entry:
    item = Item(
        candidate=Candidate(key="one", location="/x"),
        request=ProductRequest(input_path=tmp_path),
        output_dir=tmp_path,
    )
    values = {
        "key": "one", "status": Status.DONE, "item": item, "stamp": "s", "content": "c", "configuration": "k",
        "product": tmp_path / "L2A.SAFE", "started": datetime.now(UTC),
    }  # fmt: skip
    return Entry(**{**values, **changes})


def test_decisions(tmp_path: Path) -> None:
    product = tmp_path / "L2A.SAFE"
    product.mkdir()
    assert finished_row(entry(tmp_path), "s", "k", 3) is None, "a product without metadata is none"
    for name in ("MTD_MSIL2A.xml", "manifest.safe"):
        (product / name).touch()
    dem = tmp_path / "dem.tif"
    dem.write_bytes(b"12")
    stamp = f"2 {dem.stat().st_mtime_ns}"

    def ending(stamp: str = "s", configuration: str = "k", **changes: Any) -> Ending | None:
        row = finished_row(entry(tmp_path, **changes), stamp, configuration, 3)
        return None if row is None else row.ending

    assert finished_row(None, "s", "k", 3) is None
    assert ending() is Ending.UNCHANGED
    assert ending(stamp="t") is None
    assert ending(configuration="l") is None
    assert ending(auxiliary={str(dem): stamp}) is Ending.UNCHANGED
    assert ending(auxiliary={str(dem): "1 1"}) is None
    assert ending(status=Status.SKIPPED) is Ending.SKIPPED
    assert ending(status=Status.FAILED, attempt=2) is None
    assert ending(status=Status.FAILED, attempt=3) is Ending.REFUSED
    assert ending(status=Status.FAILED, retriable=False) is Ending.REFUSED
    assert ending(status=Status.CRASHED, attempt=1) is None


def test_a_product_that_another_run_took_meanwhile_is_not_started(tmp_path: Path) -> None:
    ledger, item = Ledger(tmp_path), entry(tmp_path).item.model_copy(update={"output_dir": tmp_path})
    made, done = (Row(key="one", ending=ending) for ending in (Ending.DONE, Ending.UNCHANGED))
    started: list[str] = []

    def run_one(item: Item, _stop: threading.Event) -> Row:
        started.append(item.candidate.key)
        return made

    def ending(known: Row | None) -> Ending:
        return unless_taken(run_one, lambda _item: known)(item, threading.Event()).ending

    claim = take(ledger.claims, item.candidate.key)
    assert claim is not None
    with claim:
        assert ending(None) is Ending.BUSY
    assert ending(done) is Ending.UNCHANGED
    assert started == []
    assert ending(None) is Ending.DONE
    assert started == [item.candidate.key]


def test_damaged_ledger_entry_is_none(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.write(entry(tmp_path))
    assert ledger.read("one") == entry(tmp_path, started=ledger.read("one").started)  # type: ignore[union-attr]
    (ledger.folder / "one.json").write_text("{")
    assert ledger.read("one") is None
    assert list(ledger.entries()) == []


def test_what_is_cleaned() -> None:
    day = 86400.0
    things = [Stored(Path(str(n)), 10, used=-n * day) for n in range(6)]  # the moment is 0

    def gone(**rules: Any) -> list[str]:
        return [str(thing.path) for thing in to_remove(things, CleanRules(**rules), 0.0)]

    assert gone() == []
    assert gone(older_than_s=3.5 * day) == ["4", "5"]
    assert gone(keep_last=2) == ["2", "3", "4", "5"]
    assert gone(max_bytes=25) == ["2", "3", "4", "5"]
    assert gone(keep_last=0) == ["2", "3", "4", "5"], "never what may be in use"
    assert gone(keep_last=0, safe_age_s=-1.0) == ["0", "1", "2", "3", "4", "5"]


def test_clean_removes_stores_and_nothing_else(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name / "l1c" / "abc").mkdir(parents=True)
        (tmp_path / name / "l1c" / "abc" / "plane.npy").write_bytes(b"x" * 5000)
    (tmp_path / "mine").mkdir()
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "a.zip").write_bytes(b"x")
    long_ago = time.time() - 40 * 86400
    for path in [*(tmp_path / "old").rglob("*"), tmp_path / "old", tmp_path / "downloads" / "a.zip", tmp_path / "mine"]:
        os.utime(path, (long_ago, long_ago))
    rules = CleanRules(older_than_s=30 * 86400)
    assert len(clean(tmp_path, rules, dry_run=True)) == 2
    assert (tmp_path / "old").exists()
    assert {thing.path.name for thing in clean(tmp_path, rules)} == {"old", "a.zip"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["downloads", "mine", "new"]


def test_memory_of_the_container_counts(tmp_path: Path) -> None:
    proc, group = tmp_path / "proc", tmp_path / "cgroup"
    proc.mkdir()
    group.mkdir()
    assert available_memory_mb(proc, group) is None
    (proc / "meminfo").write_text("MemTotal: 1 kB\nMemAvailable:    8192000 kB\n")
    assert available_memory_mb(proc, group) == 8000
    (group / "memory.max").write_text(f"{3000 << 20}\n")
    (group / "memory.current").write_text(f"{2000 << 20}\n")
    (group / "memory.stat").write_text(f"anon 1\ninactive_file {500 << 20}\n")
    assert available_memory_mb(proc, group) == 1500


def test_a_product_waits_for_memory_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    free = iter([100, 100, 3000])
    monkeypatch.setattr("flows.archive.room.available_memory_mb", lambda: next(free))
    await_memory(2500, pause_s=0.0)
    assert list(free) == []
    monkeypatch.setattr("flows.archive.room.available_memory_mb", lambda: 100)
    with pytest.raises(TransientIO, match="100 MB of memory free"):
        await_memory(2500, patience_s=0.0, pause_s=0.0)
    await_memory(0)


def test_a_part_that_ends_is_started_again_after_growing_pauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    service = LocalService(ServiceOptions(tmp_path, tmp_path), said.append)
    begun: list[subprocess.Popen[bytes]] = []

    def begin(_self: LocalService, _words: list[str]) -> subprocess.Popen[bytes]:
        begun.append(subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"], start_new_session=True))
        return begun[-1]

    monkeypatch.setattr(LocalService, "_process", begin)
    monkeypatch.setattr("flows.archive.local_service._FIRST_PAUSE_S", 0.01)
    service._spawn("worker", [])
    stop = threading.Event()
    watcher = threading.Thread(target=service.watch, args=(stop,))
    watcher.start()
    until = time.monotonic() + 60
    while len(said) < 3 and time.monotonic() < until:
        time.sleep(0.05)
    stop.set()
    watcher.join()
    service.stop()
    assert said[:3] == [
        f"worker ended with exit code 3: started again in {pause} s" for pause in ("0.01", "0.02", "0.04")
    ]
    assert len(begun) >= 3
    assert all(process.poll() is not None for process in begun)


def test_work_pool_templates_are_closed() -> None:
    """Every placeholder is a variable, every variable is used, and the containers have no rights."""
    folder = deployment_file().parent
    for name in ("docker", "kubernetes"):
        text = (folder / f"work-pool-{name}.json").read_text(encoding="utf-8")
        template = json.loads(text)
        used = set(re.findall(r"\{\{ (\w+) \}\}", text))
        assert used == set(template["variables"]["properties"])
    pod = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False


def test_image_is_built_from_files_that_exist() -> None:
    folder = deployment_file().parent
    sources = re.findall(r"^COPY (?!--from)(.+) \S+$", (folder / "Dockerfile").read_text(encoding="utf-8"), re.M)
    names = [name for line in sources for name in line.split()]
    assert "requirements-lock.txt" in names
    assert [name for name in names if not (folder.parent / name).exists()] == []


def test_ages_and_sizes() -> None:
    assert (age_seconds("12h"), age_seconds("2w"), size_bytes("1.5G")) == (43200.0, 1209600.0, 3 << 29)
    for wrong in ("12", "h", "-1d"):
        with pytest.raises(InvalidConfiguration):
            age_seconds(wrong)
    with pytest.raises(InvalidConfiguration):
        size_bytes("10")


def test_service_files_are_consistent() -> None:
    """Entry points exist, pools are those that are made, and nothing runs as root or is open to the world."""
    yaml = pytest.importorskip("yaml")
    from prefect.flows import load_flow_from_entrypoint

    described = yaml.safe_load(deployment_file().read_text(encoding="utf-8"))
    names = set()
    for deployment in described["deployments"]:
        flow = load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)
        assert deployment["work_pool"]["name"] in POOLS
        names.add(f"{flow.name}/{deployment['name']}")
        if parameters := deployment.get("parameters"):
            flow.validate_parameters(parameters)
    assert {"process-archive/nightly", "retry-failed/after-crash", "process-listed/on-demand"} <= names
    folder = deployment_file().parent
    compose = yaml.safe_load((folder / "compose.yaml").read_text(encoding="utf-8"))
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert "\nUSER 10001\n" in (folder / "Dockerfile").read_text(encoding="utf-8")
    pod = yaml.safe_load((folder / "kubernetes.yaml").read_text(encoding="utf-8"))["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
