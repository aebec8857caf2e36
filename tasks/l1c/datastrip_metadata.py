"""Level-1C datastrip metadata: ``MTD_DS.xml`` and the older ``S2?_OPER_MTD_L1C_DS_*.xml`` (PSD 14.2 to 15)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tasks.common.spectral import SpectralResponse
from tasks.common.xml import Node
from tasks.l1c import patterns, radiometry
from tasks.l1c.product_metadata import expect_root, psd_host

_ROOT: Final = "Level-1C_DataStrip_ID"


@dataclass(frozen=True, eq=False)
class DatastripMetadata:
    """What the processor uses of a datastrip's metadata. Band dictionaries as in ``ProductMetadata``."""

    path: Path
    psd_host: str
    spacecraft: str
    datatake_id: str
    sensing_start: str
    sensing_stop: str
    processing_baseline: str
    processing_centre: str
    archiving_centre: str
    generation_time: str
    tile_ids: tuple[str, ...]
    quantification_value: float
    radio_add_offset: dict[str, int]
    solar_irradiance: dict[str, float]
    spectral_responses: dict[str, SpectralResponse]


def parse_datastrip_metadata(root: Node) -> DatastripMetadata:
    """Read a datastrip's metadata.

    Args:
        root: root element of the file.

    Raises:
        InvalidInput: not Level-1C, or an element that is missing or has no valid value.
    """
    expect_root(root, _ROOT)
    general = root.child("General_Info")
    take = general.child("Datatake_Info")
    times = general.child("Datastrip_Time_Info")
    processing = general.child("Processing_Info")
    radiometric = root.child("Image_Data_Info/Radiometric_Info")
    baseline = processing.matching("PROCESSING_BASELINE", patterns.BASELINE, "dd.dd")
    archive = general.find("Archiving_Info/ARCHIVING_CENTRE")
    tiles = root.all("Image_Data_Info/Tiles_Information/Tile_List/Tile")
    return DatastripMetadata(
        path=root.file,
        psd_host=psd_host(root),
        spacecraft=take.matching("SPACECRAFT_NAME", patterns.SPACECRAFT, "Sentinel-2 and a letter"),
        datatake_id=take.attribute("datatakeIdentifier"),
        sensing_start=times.matching("DATASTRIP_SENSING_START", patterns.TIME, "an ISO time"),
        sensing_stop=times.matching("DATASTRIP_SENSING_STOP", patterns.TIME, "an ISO time"),
        processing_baseline=baseline,
        processing_centre=processing.text("PROCESSING_CENTER"),
        archiving_centre=archive.text() if archive is not None else "",
        generation_time=processing.matching("UTC_DATE_TIME", patterns.TIME, "an ISO time"),
        tile_ids=tuple(tile.attribute("tileId") for tile in tiles),
        quantification_value=radiometry.quantification_value(radiometric),
        radio_add_offset=radiometry.radiometric_offsets(radiometric, baseline),
        solar_irradiance=radiometry.solar_irradiance(radiometric),
        spectral_responses=radiometry.spectral_responses(radiometric),
    )
