"""Names: against those of real products."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tasks.common.errors import InvalidConfiguration, InvalidInput
from tasks.packaging import naming


def test_names_of_a_real_core_product() -> None:
    start = naming.compact_time("2022-10-05T11:54:11.024Z")
    assert (
        naming.product_name("S2A", start, "04.00", 23, "29UNU", "20221005T164454")
        == "S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454.SAFE"
    )
    strip = naming.datastrip_start("S2A_OPER_MSI_L1C_DS_ATOS_20221005T153022_S20221005T115407_N04.00")
    assert naming.granule_folder("29UNU", 38058, strip) == "L2A_T29UNU_A038058_20221005T115407"
    assert naming.datastrip_folder("ATOS", "20221005T164454", strip) == "DS_ATOS_20221005T164454_S20221005T115407"
    assert (
        naming.tile_id("S2A", "ATOS", "20221005T164454", 38058, "29UNU", "04.00")
        == "S2A_OPER_MSI_L2A_TL_ATOS_20221005T164454_A038058_T29UNU_N04.00"
    )
    assert (
        naming.datastrip_id("S2A", "ATOS", "20221005T164454", strip, "04.00")
        == "S2A_OPER_MSI_L2A_DS_ATOS_20221005T164454_S20221005T115407_N04.00"
    )
    assert naming.image_prefix("29UNU", start) == "T29UNU_20221005T115411"


def test_toolbox_products_are_n9999() -> None:
    name = naming.product_name("S2B", "20231022T095949", naming.TOOLBOX_BASELINE, 122, "32TQM", "20260101T120000")
    assert name == "S2B_MSIL2A_20231022T095949_N9999_R122_T32TQM_20260101T120000.SAFE"


@pytest.mark.parametrize(
    ("identifier", "centre"),
    [
        ("S2A_OPER_MSI_L1C_TL_SGS__20170226T171842_A008785_T32TNM_N02.04", "SGS_"),
        ("S2B_OPER_MSI_L1C_TL_2BPS_20230123T004345_A030715_T01UBT_N05.09", "2BPS"),
        ("S2A_OPER_MSI_L1C_DS_VGS4_20210713T054224_S20210713T032054_N03.01", "VGS4"),
    ],
)
def test_centre_of_an_identifier(identifier: str, centre: str) -> None:
    assert naming.centre_of(identifier) == centre


def test_other_identifiers_are_refused() -> None:
    with pytest.raises(InvalidInput, match="identifier"):
        naming.centre_of("S2A_whatever")
    with pytest.raises(InvalidInput, match="no sensing start"):
        naming.datastrip_start("S2A_OPER_MSI_L1C_TL_SGS__20170226T171842_A008785_T32TNM_N02.04")


def test_datatake_takes_our_baseline() -> None:
    assert naming.datatake_id("GS2A_20170226T102021_008785_N02.04", "99.99") == "GS2A_20170226T102021_008785_N99.99"
    assert naming.datatake_id("GS2A_20170226T102021_008785", "99.99") == "GS2A_20170226T102021_008785_N99.99"


def test_times() -> None:
    assert naming.compact_time("2017-02-26T10:20:21.999Z") == "20170226T102021"
    with pytest.raises(InvalidInput, match="expected YYYY-MM-DD"):
        naming.compact_time("yesterday")
    moment = datetime(2023, 1, 24, 4, 27, 3, 281494, tzinfo=UTC)
    assert naming.iso_time(moment) == "2023-01-24T04:27:03.281494Z"
    assert naming.iso_time(moment.astimezone(timezone(timedelta(hours=9)))) == "2023-01-24T04:27:03.281494Z"


@pytest.mark.parametrize("baseline", ["5.10", "0510", "05.1", "ab.cd", "05.10\n"])
def test_malformed_baselines_are_refused(baseline: str) -> None:
    with pytest.raises(InvalidConfiguration, match="processing baseline"):
        naming.checked_baseline(baseline)


@pytest.mark.parametrize("centre", ["SGS", "sgs_", "SGS_X", "S S_", ""])
def test_malformed_centres_are_refused(centre: str) -> None:
    with pytest.raises(InvalidConfiguration, match="four characters"):
        naming.checked_centre(centre)
    assert naming.checked_centre("2BPS") == "2BPS"
