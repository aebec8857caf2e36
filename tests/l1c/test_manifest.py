"""Images against the checksums of manifest.safe; truth is hashlib on bytes written here, and ESA's own manifests."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from l1c_factory import Scene, write_safe

from tasks.common.errors import InvalidInput
from tasks.common.records import StageResult
from tasks.l1c.archive import open_input
from tasks.l1c.load import content_fingerprint, load_source, tile_references
from tasks.l1c.manifest import Checksum, check_unchanged, manifest_checksums
from tasks.l1c.parameters import L1CParameters
from tasks.l1c.task import import_l1c

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "xml-l1c"


def entry(href: str, name: str, digest: str) -> str:
    return (
        f'<dataObject ID="a"><byteStream mimeType="x" size="1"><fileLocation href="{href}" locatorType="URL"/>'
        f'<checksum checksumName="{name}">{digest}</checksum></byteStream></dataObject>'
    )


def write_manifest(folder: Path, *entries: str) -> None:
    (folder / "manifest.safe").write_text(f"<XFDU><dataObjectSection>{''.join(entries)}</dataObjectSection></XFDU>")


def test_checksums_by_path(tmp_path: Path) -> None:
    write_manifest(
        tmp_path,
        entry("./GRANULE/a.jp2", "SHA3-256", "AB12"),
        entry("b.jp2", "MD5", "cd"),
        entry("c.jp2", "CRC-7", "01"),
        entry("../outside.jp2", "MD5", "02"),
        entry("/etc/passwd", "MD5", "03"),
        '<dataObject><byteStream><fileLocation href="d"/></byteStream></dataObject>',
    )
    assert manifest_checksums(tmp_path) == {
        tmp_path / "GRANULE" / "a.jp2": Checksum("SHA3-256", "ab12"),
        tmp_path / "b.jp2": Checksum("MD5", "cd"),
    }
    (tmp_path / "manifest.safe").unlink()
    assert manifest_checksums(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("MD5", "900150983cd24fb0d6963f7d28e17f72"),
        ("SHA3-256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        ("SHA-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ],
)
def test_digests_of_the_standards_abc(tmp_path: Path, name: str, digest: str) -> None:
    file = tmp_path / "image.jp2"
    file.write_bytes(b"abc")
    check_unchanged(file, Checksum(name, digest))
    file.write_bytes(b"abd")
    with pytest.raises(InvalidInput, match=r"image\.jp2: damaged or changed: its .* fetch the product again"):
        check_unchanged(file, Checksum(name, digest))


@pytest.mark.skipif(not REAL.is_dir(), reason="no shared data")
def test_manifests_of_real_products_name_thirteen_bands() -> None:
    folders = sorted(path.parent for path in REAL.glob("*MSIL1C*/manifest.safe"))
    assert folders
    for folder in folders:
        images = [path for path in manifest_checksums(folder) if path.suffix == ".jp2" and "_B" in path.name]
        assert len([path for path in images if path.parent.name == "IMG_DATA"]) == 13, folder.name


def run(safe: Path, work: Path) -> StageResult:
    (tile,) = tile_references(open_input(safe, work), work)
    return import_l1c.fn(tile, L1CParameters(content_fingerprint=content_fingerprint(load_source(tile))))


def test_an_image_damaged_in_a_packet_is_refused(tmp_path: Path) -> None:
    """The decoder takes the damaged image without a word: only the manifest tells."""
    safe = write_safe(tmp_path, Scene(rows=120, cols=120))
    images = sorted(safe.glob("GRANULE/*/IMG_DATA/*_B*.jp2"))
    write_manifest(
        safe, *(entry(f"./{p.relative_to(safe)}", "MD5", hashlib.md5(p.read_bytes()).hexdigest()) for p in images)
    )
    assert run(safe, tmp_path / "whole").statistics["images_verified"] == 13
    victim = images[3]
    data = bytearray(victim.read_bytes())
    data[-40] ^= 0x10
    victim.write_bytes(bytes(data))
    with pytest.raises(InvalidInput, match=f"{victim.name}: damaged or changed: its MD5"):
        run(safe, tmp_path / "damaged")
    (safe / "manifest.safe").unlink()
    assert run(safe, tmp_path / "unverified").statistics["images_verified"] == 0


def test_a_broken_manifest_is_recorded(tmp_path: Path) -> None:
    safe = write_safe(tmp_path, Scene(rows=120, cols=120))
    (safe / "manifest.safe").write_text("<XFDU>")
    result = run(safe, tmp_path / "work")
    assert [f.code for f in result.fallbacks] == ["L2A-L1C-MANIFEST"]
