"""The shipped files: shapes, provenance, and refusal of damaged ones."""

import time
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from tasks.common.bands import BANDS
from tasks.common.errors import InternalInconsistency, InvalidInput
from tasks.radiative_transfer.load import TABLE_FILE, default_responses, load_spectral_table
from tasks.radiative_transfer.table import AerosolType

PUBLISHED_CENTRES_NM = {
    "S2A": (442.7, 492.4, 559.8, 664.6, 704.1, 740.5, 782.8, 832.8, 864.7, 945.1, 1373.5, 1613.7, 2202.4),
    "S2B": (442.2, 492.1, 559.0, 664.9, 703.8, 739.1, 779.7, 832.9, 864.0, 943.2, 1376.9, 1610.4, 2185.7),
    "S2C": (444.2, 489.0, 560.6, 666.5, 707.1, 741.1, 784.7, 834.6, 865.6, 947.2, 1372.2, 1612.0, 2191.3),
}


def test_size_and_loading_time() -> None:
    assert TABLE_FILE.stat().st_size < 12e6
    started = time.perf_counter()
    load_spectral_table.__wrapped__(TABLE_FILE)
    assert time.perf_counter() - started < 2.0  # 0.1 s alone; the limit leaves room for a busy machine


def test_content_and_provenance() -> None:
    table = load_spectral_table()
    assert table is load_spectral_table()
    assert table.scattering.aerosols + table.scattering_6sv.aerosols == get_args(AerosolType)
    assert table.coupled.aerosols == get_args(AerosolType)
    assert table.axes.aot550[-1] >= 2.6
    assert table.axes.sun_zenith_deg[-1] == 80.0
    assert {"packages", "made", "blake2b", "sha256"} <= set(table.provenance)
    assert table.scattering.path_reflectance.dtype == np.float32


@pytest.mark.parametrize("part", ["scattering", "scattering_6sv"])
def test_scattering_grows_and_decays_as_it_must(part: str) -> None:
    scattering = getattr(load_spectral_table(), part)
    assert (scattering.path_reflectance > 0).all()
    assert (np.diff(scattering.transmittance, axis=2) < 0).all()  # more aerosol
    assert (np.diff(scattering.transmittance, axis=4) < 0).all()  # lower sun
    assert (np.diff(scattering.rayleigh_optical_depth) < 0).all()
    assert 0.005 < np.abs(scattering.polarisation).max() < 0.03  # 400 nm, sun at 80 degrees


def test_damaged_file_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "table.npz"
    broken.write_bytes(TABLE_FILE.read_bytes()[:100_000])
    with pytest.raises(InternalInconsistency, match="cannot be read"):
        load_spectral_table(broken)
    with pytest.raises(InternalInconsistency, match="cannot be read"):
        load_spectral_table(tmp_path / "absent.npz")


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with np.load(TABLE_FILE) as stored:
        arrays = {name: stored[name] for name in stored.files}
    for name, change in (
        ("short", arrays["transmittance"][:, :-1]),
        ("nan", arrays["transmittance"] * np.float32("nan")),
    ):
        path = tmp_path / f"{name}.npz"
        np.savez(path, **(arrays | {"transmittance": change}))
        with pytest.raises(InternalInconsistency, match="transmittance"):
            load_spectral_table(path)
    del arrays["pressure"]
    np.savez(tmp_path / "missing.npz", **arrays)
    with pytest.raises(InternalInconsistency, match="pressure"):
        load_spectral_table(tmp_path / "missing.npz")


@pytest.mark.parametrize("platform", ["S2A", "S2B", "S2C"])
def test_default_responses_have_the_published_centres(platform: str) -> None:
    responses = default_responses(platform)
    centres = [responses[band].centre_nm for band in BANDS]
    np.testing.assert_allclose(centres, PUBLISHED_CENTRES_NM[platform], atol=0.25)


def test_platform_names() -> None:
    assert default_responses("Sentinel-2B")["B02"].centre_nm == default_responses("S2B")["B02"].centre_nm
    with pytest.raises(InvalidInput, match="S2Z"):
        default_responses("S2Z")
