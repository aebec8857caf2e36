"""Items from facts written by hand: several tiles, products without what is optional, numbers by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pystac.validation.stac_validator import JsonSchemaSTACValidator

from tasks.common.grid import Grid
from tasks.common.records import Fallback
from tasks.stac_item.facts import BandFacts, FileFacts, GranuleFacts, ProductFacts
from tasks.stac_item.images import full_width, mean_view
from tasks.stac_item.item import build_item

NAME = "S2B_MSIL2A_20230102T103329_N9999_R108_TMULTI_20260102T030405.SAFE"


def granule(tile: str, epsg: int, second: int, cloud: float) -> GranuleFacts:
    return GranuleFacts(
        folder=f"GRANULE/L2A_T{tile}_A030001_20230102T103331",
        mgrs_tile=tile,
        tile_id=f"S2B_OPER_MSI_L2A_TL_MINE_20260102T030405_A030001_T{tile}_N99.99",
        level_1c_tile_id=f"S2B_OPER_MSI_L1C_TL_2BPS_20230102T120000_A030001_T{tile}_N05.09",
        datastrip_id="S2B_OPER_MSI_L2A_DS_MINE_20260102T030405_S20230102T103331_N99.99",
        absolute_orbit=30001,
        sensing_time=datetime(2023, 1, 2, 10, 33, second, 250000, tzinfo=UTC),
        grid=Grid(epsg=epsg, ulx=600000.0, uly=5200020.0, resolution=10, rows=120, cols=240),
        sun_zenith_deg=70.5,
        sun_azimuth_deg=165.0,
        view_deg={"B02": (4.0, 105.0)},
        percentages={"SNOW_ICE_PERCENTAGE": cloud / 10.0, "WATER_PERCENTAGE": 1.5},
        atmosphere={"GRANULE_MEAN_AOT": cloud / 100.0, "AOT_RETRIEVAL_METHOD": "CAMS"},
    )


def product(*granules: GranuleFacts, **changes: object) -> ProductFacts:
    files = [
        FileFacts(
            path=f"{g.folder}/IMG_DATA/R60m/T{g.mgrs_tile}_20230102T103329_{kind}_60m.{ending}",
            size=7,
            multihash="d50110ab",
        )
        for g in granules
        for kind, ending in (("B02", "jp2"), ("SCL", "tif"))
    ]
    return ProductFacts(
        name=NAME,
        spacecraft="Sentinel-2B",
        datatake_id="GS2B_20230102T103329_030001_N99.99",
        datatake_type="INS-NOBS",
        relative_orbit=108,
        orbit_direction="DESCENDING",
        product_type="S2MSI2A",
        baseline="99.99",
        doi=None,
        generation_time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        cloud_percentage=12.5,
        reflectance_conversion=None,
        quantification=10000.0,
        aot_quantification=1000.0,
        wvp_quantification=1000.0,
        bands={"B02": BandFacts(offset=-0.1)},
        dem_type=None,
        look_up_tables=(),
        software=None,
        footprint=None,
        granules=granules,
        files=tuple(files),
    ).model_copy(update=changes)


def test_several_tiles_are_one_item() -> None:
    item = build_item(product(granule("32TQM", 32632, 40, 10.0), granule("33TUG", 32633, 31, 30.0)))
    found = item.to_dict(include_self_link=False, transform_hrefs=False)
    JsonSchemaSTACValidator().validate_core(found, item.STAC_OBJECT_TYPE, "1.1.0")
    properties, assets = found["properties"], found["assets"]
    assert set(assets) == {f"{tile}_{kind}_60m" for tile in ("32TQM", "33TUG") for kind in ("B02", "SCL")}
    assert [assets[f"{tile}_B02_60m"]["proj:code"] for tile in ("32TQM", "33TUG")] == ["EPSG:32632", "EPSG:32633"]
    assert assets["32TQM_B02_60m"]["proj:shape"] == [20, 40]
    assert assets["32TQM_B02_60m"]["proj:transform"] == [60.0, 0.0, 600000.0, 0.0, -60.0, 5200020.0]
    assert properties["proj:code"] is None
    assert (properties["start_datetime"], properties["end_datetime"]) == (
        "2023-01-02T10:33:31.250000Z",
        "2023-01-02T10:33:40.250000Z",
    )
    assert properties["datetime"] == properties["start_datetime"]
    assert found["geometry"]["type"] == "MultiPolygon"
    assert len(found["geometry"]["coordinates"]) == 2
    assert not any(key.startswith("grid:") or key == "s2:mgrs_tile" for key in properties)
    assert not any("/grid/" in uri or "/scientific/" in uri for uri in found["stac_extensions"])
    assert (properties["eo:snow_cover"], properties["sen2flow:mean_aot"]) == (2.0, 0.2)
    assert properties["gsd"] == 60


def test_the_centre_is_told_where_it_is_not_the_level_1c_s_own() -> None:
    own = granule("32TQM", 32632, 40, 10.0)
    copied = own.model_copy(update={"tile_id": own.tile_id.replace("MINE", "2BPS")})
    software = ("sen2flow", "0.1.0")
    assert build_item(product(own, software=software)).properties["processing:facility"] == "MINE"
    properties = build_item(product(copied, software=software)).properties
    assert "processing:facility" not in properties
    assert [provider["name"] for provider in properties["providers"]] == ["ESA", "sen2flow"]


def test_media_types_and_classes() -> None:
    one = granule("32TQM", 32632, 40, 10.0)
    assets = build_item(product(one)).assets
    assert assets["B02_60m"].media_type == "image/jp2"
    assert assets["SCL_60m"].media_type == "image/tiff; application=geotiff; profile=cloud-optimized"
    classes = assets["SCL_60m"].extra_fields["classification:classes"]
    assert [entry["value"] for entry in classes] == list(range(12))
    assert classes[4] == {"value": 4, "name": "vegetation", "color_hint": "00A000"}
    assert [entry["value"] for entry in classes if entry.get("nodata")] == [0]
    tif = tuple(f.model_copy(update={"path": f.path.replace(".jp2", ".tif")}) for f in product(one).files)
    found = build_item(product(one, files=tif)).assets
    assert {asset.media_type for asset in found.values()} == {"image/tiff; application=geotiff"}


@pytest.mark.parametrize(
    "doi", ["https://doi.org/10.5270/S2_-znk9xsj", "10.5270/S2_-znk9xsj", "doi:10.5270/S2_-znk9xsj"]
)
def test_doi(doi: str) -> None:
    item = build_item(product(granule("32TQM", 32632, 40, 10.0), doi=doi))
    assert item.properties["sci:doi"] == "10.5270/S2_-znk9xsj"
    assert [link.href for link in item.links if link.rel == "cite-as"] == ["https://doi.org/10.5270/S2_-znk9xsj"]


def test_extensions_are_those_of_the_fields() -> None:
    """A product of a tree alone has no image, and no field of what is said of images."""
    one = granule("32TQM", 32632, 40, 10.0)

    def names(facts: ProductFacts) -> set[str]:
        return {uri.split("/")[3] for uri in build_item(facts).stac_extensions}

    always = {"eo", "projection", "view", "sat", "grid", "processing", "sentinel-2"}
    assert names(product(one, files=())) == always
    assert names(product(one)) == always | {"raster", "file", "classification"}


def test_what_is_no_doi_is_none() -> None:
    item = build_item(product(granule("32TQM", 32632, 40, 10.0), doi="Not applicable"))
    assert "sci:doi" not in item.properties
    assert not any(link.rel == "cite-as" for link in item.links)


def test_fall_backs_are_told_in_full() -> None:
    taken = (
        Fallback(code="L2A-DEM-FLAT", stage="dem", message="flat terrain"),
        Fallback(code="L2A-DEM-FLAT", stage="dem", message="flat terrain, another reason"),
        Fallback(code="L2A-METEO-ECMWFT", stage="meteo", message="ozone column set to 331 DU"),
    )
    properties = build_item(product(granule("32TQM", 32632, 40, 10.0), fallbacks=taken)).properties
    assert properties["sen2flow:degraded"] is True
    assert properties["sen2flow:fallback_codes"] == ["L2A-DEM-FLAT", "L2A-METEO-ECMWFT"]
    assert properties["sen2flow:fallbacks"][1] == {
        "code": "L2A-DEM-FLAT",
        "stage": "dem",
        "message": "flat terrain, another reason",
    }
    sound = build_item(product(granule("32TQM", 32632, 40, 10.0))).properties
    assert (sound["sen2flow:degraded"], sound["sen2flow:fallbacks"]) == (False, [])


def test_mean_view_of_opposite_azimuths() -> None:
    """Two views of equal zenith at 350 and 10 degrees: the mean looks north, and is a little steeper."""
    mean = mean_view({"B02": (10.0, 350.0), "B03": (10.0, 10.0)})
    assert mean is not None
    assert mean[0] == pytest.approx(9.85, abs=0.01)  # atan(tan 10 x cos 10)
    assert mean[1] % 360.0 == pytest.approx(0.0, abs=1e-9)
    assert mean_view({}) is None


def test_full_width_at_half_maximum() -> None:
    assert full_width(2.0, [0.0, 1.0, 0.0]) == pytest.approx(2.0)  # a triangle of base 4
    assert full_width(1.0, [0.2, 0.8, 1.0, 0.9, 0.1]) == pytest.approx(3.0)  # crossings at 0.5 and 3.5
    assert full_width(1.0, [1.0, 1.0]) == pytest.approx(2.0)  # cut off: 0 outside
    assert full_width(1.0, []) == full_width(1.0, [0.0]) == 0.0
