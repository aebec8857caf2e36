"""MTD_TL.xml of the Level-2A granule, from that of the Level-1C granule (PSD 14.8, Level-2A_Tile_ID)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lxml import etree

from tasks.common.errors import InvalidInput
from tasks.common.records import Record
from tasks.packaging.elements import add, add_section, append_copy, find, psd_root, text_at
from tasks.packaging.quality import GranuleQuality, add_image_content

FILE: Final = "S2_PDI_Level-2A_Tile_Metadata.xsd"


class TileIdentity(Record):
    """Identifiers and files of one granule."""

    granule: str
    """Name of the granule's folder."""
    level_1c_tile_id: str
    tile_id: str
    datastrip_id: str
    archiving_centre: str
    archiving_time: str
    """ISO time."""


class MaskEntry(Record):
    """One MASK_FILENAME: type (``MSK_QUALIT``, ...), metadata index of the band or None, file name in QI_DATA."""

    type: str
    band_id: int | None
    file: str


def tile_metadata(
    level_1c: etree._Element,
    identity: TileIdentity,
    quality: GranuleQuality,
    masks: Sequence[MaskEntry],
    preview: str,
) -> etree._Element:
    """Return the root of MTD_TL.xml.

    The geometry is the Level-1C granule's, unchanged; identifiers, archiving and quality indicators are new.

    Args:
        level_1c: root of the Level-1C granule's metadata, of any baseline.
        masks: the entries of Pixel_Level_QI in their order.
        preview: file name of the preview image.

    Raises:
        InvalidInput: the Level-1C metadata have no geometry.
    """
    root = psd_root("Level-2A_Tile_ID", FILE)
    general = add_section(root, "General_Info")
    add(general, "L1C_TILE_ID", identity.level_1c_tile_id, metadataLevel="Brief")
    add(general, "TILE_ID", identity.tile_id, metadataLevel="Brief")
    add(general, "DATASTRIP_ID", identity.datastrip_id, metadataLevel="Standard")
    priority = text_at(level_1c, "General_Info/DOWNLINK_PRIORITY", "NOMINAL")
    add(general, "DOWNLINK_PRIORITY", priority, metadataLevel="Standard")
    sensing_time = text_at(level_1c, "General_Info/SENSING_TIME", "")
    add(general, "SENSING_TIME", sensing_time, metadataLevel="Standard")
    archiving = add(general, "Archiving_Info", metadataLevel="Expertise")
    add(archiving, "ARCHIVING_CENTRE", identity.archiving_centre)
    add(archiving, "ARCHIVING_TIME", identity.archiving_time)

    geometry = find(level_1c, "Geometric_Info")
    if geometry is None or not sensing_time:
        raise InvalidInput(f"metadata of tile {identity.level_1c_tile_id}: no Geometric_Info or no SENSING_TIME")
    section = add_section(root, "Geometric_Info")
    for child in geometry:
        append_copy(section, child)

    indicators = add_section(root, "Quality_Indicators_Info", metadataLevel="Standard")
    add_image_content(indicators, quality, of_tile=True)
    folder = f"GRANULE/{identity.granule}/QI_DATA"
    pixels = add(indicators, "Pixel_Level_QI", geometry="FULL_RESOLUTION")
    for mask in masks:
        band = {} if mask.band_id is None else {"bandId": str(mask.band_id)}
        add(pixels, "MASK_FILENAME", f"{folder}/{mask.file}", **band, type=mask.type)
    add(indicators, "PVI_FILENAME", f"{folder}/{preview}")
    return root
