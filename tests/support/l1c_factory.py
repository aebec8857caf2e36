"""Writes small but complete Level-1C SAFEs for tests: real structure, real element names, lossless JP2 images.

The pixel values come from closed formulas (:func:`band_values`), so that a test knows what it should read back.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
RESOLUTION = dict(zip(BANDS, (60, 10, 10, 10, 20, 20, 20, 10, 20, 60, 60, 20, 20), strict=True))
CENTRES_NM = (443, 492, 560, 665, 704, 740, 783, 833, 865, 945, 1374, 1614, 2202)
SOLAR = (1884.69, 1959.66, 1823.24, 1512.06, 1424.64, 1287.61, 1162.08, 1041.63, 955.32, 812.92, 367.15, 245.59, 85.25)
HOST = "https://{psd}.sentinel2.eo.esa.int/PSD/"


@dataclass(frozen=True)
class Scene:
    """What the product is like. Rows and columns at 10 m, divisible by 6."""

    rows: int = 120
    cols: int = 120
    tile: str = "31TCJ"
    epsg: int = 32631
    ulx: int = 300000
    uly: int = 4900020
    spacecraft: str = "S2B"
    baseline: str = "05.10"
    psd: str = "psd-14"
    offset: int | None = -1000
    nodata_cols: int = 0
    """Columns at 10 m on the left without data."""
    long_names: bool = False
    responses: bool = True
    nodes: int = 23

    @property
    def stamp(self) -> str:
        return "20240101T105439"

    @property
    def product_name(self) -> str:
        number = self.baseline.replace(".", "")
        if self.long_names:
            return f"{self.spacecraft}_OPER_PRD_MSIL1C_PDMC_20240101T160000_R051_V{self.stamp}_{self.stamp}.SAFE"
        return f"{self.spacecraft}_MSIL1C_{self.stamp}_N{number}_R051_T{self.tile}_20240101T114500.SAFE"

    @property
    def tile_id(self) -> str:
        return f"{self.spacecraft}_OPER_MSI_L1C_TL_2BPS_20240101T114500_A035628_T{self.tile}_N{self.baseline}"

    @property
    def datastrip_id(self) -> str:
        return f"{self.spacecraft}_OPER_MSI_L1C_DS_2BPS_20240101T114500_S{self.stamp}_N{self.baseline}"

    @property
    def granule_name(self) -> str:
        return self.tile_id if self.long_names else f"L1C_T{self.tile}_A035628_{self.stamp}"

    @property
    def datastrip_name(self) -> str:
        return self.datastrip_id if self.long_names else f"DS_2BPS_20240101T114500_S{self.stamp}"

    @property
    def product_metadata_name(self) -> str:
        middle = self.product_name.removesuffix(".SAFE").replace("_PRD_MSIL1C_", "_MTD_SAFL1C_")
        return f"{middle}.xml" if self.long_names else "MTD_MSIL1C.xml"

    @property
    def tile_metadata_name(self) -> str:
        return f"{self.tile_id[:-7].replace('_MSI_L1C_', '_MTD_L1C_')}.xml" if self.long_names else "MTD_TL.xml"

    @property
    def datastrip_metadata_name(self) -> str:
        return f"{self.datastrip_id[:-7].replace('_MSI_L1C_', '_MTD_L1C_')}.xml" if self.long_names else "MTD_DS.xml"

    def image_name(self, band: str) -> str:
        return f"{self.tile_id[:-7]}_{band}" if self.long_names else f"T{self.tile}_{self.stamp}_{band}"


def band_values(scene: Scene, band: str) -> np.ndarray:
    """Digital numbers of a band: a ramp with a different slope in each direction, no-data on the left as asked."""
    resolution = RESOLUTION[band]
    rows, cols = scene.rows * 10 // resolution, scene.cols * 10 // resolution
    y, x = np.indices((rows, cols))
    values = 1100 + 100 * BANDS.index(band) + (7 * y + 3 * x) * resolution // 10 + (y * x) % 5
    values[:, : -(-scene.nodata_cols * 10 // resolution)] = 0
    return values.astype(np.uint16)


def write_jp2(path: Path, values: np.ndarray, scene: Scene, resolution: int) -> None:
    """Write ``[rows, cols]`` or ``[bands, rows, cols]`` as a lossless JP2."""
    cube = values if values.ndim == 3 else values[np.newaxis]
    profile = {
        "driver": "JP2OpenJPEG",
        "count": cube.shape[0],
        "height": cube.shape[1],
        "width": cube.shape[2],
        "dtype": cube.dtype,
        "crs": f"EPSG:{scene.epsg}",
        "transform": from_origin(scene.ulx, scene.uly, resolution, resolution),
        "QUALITY": "100",
        "REVERSIBLE": "YES",
    }
    with rasterio.open(path, "w", **profile) as target:
        target.write(cube)


def write_safe(folder: Path, scene: Scene = Scene()) -> Path:
    """Write the product into ``folder`` and return its SAFE folder."""
    safe = folder / scene.product_name
    granule = safe / "GRANULE" / scene.granule_name
    datastrip = safe / "DATASTRIP" / scene.datastrip_name
    for part in ("IMG_DATA", "QI_DATA", "AUX_DATA"):
        (granule / part).mkdir(parents=True)
    for part in (datastrip / "QI_DATA", safe / "rep_info", safe / "HTML"):
        part.mkdir(parents=True)
    (safe / scene.product_metadata_name).write_text(product_xml(scene), encoding="utf-8")
    (granule / scene.tile_metadata_name).write_text(tile_xml(scene), encoding="utf-8")
    (datastrip / scene.datastrip_metadata_name).write_text(datastrip_xml(scene), encoding="utf-8")
    (safe / "manifest.safe").write_text("<?xml version='1.0'?><XFDU/>", encoding="utf-8")
    (safe / "INSPIRE.xml").write_text("<?xml version='1.0'?><MD_Metadata/>", encoding="utf-8")
    (granule / "AUX_DATA" / "AUX_ECMWFT").write_bytes(b"GRIB-not-read-here")
    for band in BANDS:
        file = granule / "IMG_DATA" / f"{scene.image_name(band)}.jp2"
        write_jp2(file, band_values(scene, band), scene, RESOLUTION[band])
        for kind in ("DETFOO", "QUALIT"):
            (granule / "QI_DATA" / f"MSK_{kind}_{band}.jp2").write_bytes(b"mask-not-read-here")
    colour = np.full((3, scene.rows, scene.cols), 80, np.uint8)
    write_jp2(granule / "IMG_DATA" / f"{scene.image_name('TCI')}.jp2", colour, scene, 10)
    return safe


def _by_band(element: str, values: object, attribute: str = "bandId", unit: str = "") -> str:
    listed = values if isinstance(values, (tuple, list)) else (values,) * 13
    return "".join(f'<{element} {attribute}="{i}"{unit}>{v}</{element}>\n' for i, v in enumerate(listed))


def _radiometry(scene: Scene) -> str:
    offsets = ""
    if scene.offset is not None:
        listed = _by_band("RADIO_ADD_OFFSET", scene.offset, "band_id")
        offsets = f"<Radiometric_Offset_List>\n{listed}</Radiometric_Offset_List>"
    spectra = "".join(
        f'<Spectral_Information bandId="{i}" physicalBand="{band}"><RESOLUTION>{RESOLUTION[band]}</RESOLUTION>'
        f'<Wavelength><MIN unit="nm">{centre - 4}</MIN><MAX unit="nm">{centre + 4}</MAX>'
        f'<CENTRAL unit="nm">{centre}</CENTRAL></Wavelength><Spectral_Response><STEP unit="nm">1</STEP>'
        f"<VALUES>0 0.1 0.5 0.9 1 0.9 0.5 0.1 0</VALUES></Spectral_Response></Spectral_Information>\n"
        for i, (band, centre) in enumerate(zip(BANDS, CENTRES_NM, strict=True))
    )
    listed = f"<Spectral_Information_List>\n{spectra}</Spectral_Information_List>" if scene.responses else ""
    irradiance = _by_band("SOLAR_IRRADIANCE", SOLAR, unit=' unit="W/m²/µm"')
    return (
        f'<QUANTIFICATION_VALUE unit="none">10000</QUANTIFICATION_VALUE>\n{offsets}\n<Reflectance_Conversion>'
        f"<U>1.03415884488937</U><Solar_Irradiance_List>\n{irradiance}</Solar_Irradiance_List></Reflectance_Conversion>"
        f"\n{listed}\n"
    )


def product_xml(scene: Scene) -> str:
    """Text of the user product's metadata."""
    folder = f"GRANULE/{scene.granule_name}/IMG_DATA/"
    tag, group = ("IMAGE_ID", "Granules") if scene.long_names else ("IMAGE_FILE", "Granule")
    prefix = "" if scene.long_names else folder
    files = "".join(f"<{tag}>{prefix}{scene.image_name(band)}</{tag}>\n" for band in (*BANDS, "TCI"))
    namespace = HOST.format(psd=scene.psd) + "User_Product_Level-1C.xsd"
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-1C_User_Product xmlns:n1="{namespace}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<n1:General_Info>
<Product_Info>
<PRODUCT_START_TIME>2024-01-01T10:54:39.024Z</PRODUCT_START_TIME>
<PRODUCT_STOP_TIME>2024-01-01T10:54:39.024Z</PRODUCT_STOP_TIME>
<PRODUCT_URI>{scene.product_name}</PRODUCT_URI>
<PROCESSING_LEVEL>Level-1C</PROCESSING_LEVEL>
<PRODUCT_TYPE>S2MSI1C</PRODUCT_TYPE>
<PROCESSING_BASELINE>{scene.baseline}</PROCESSING_BASELINE>
<GENERATION_TIME>2024-01-01T11:45:00.000000Z</GENERATION_TIME>
<PREVIEW_IMAGE_URL>Not applicable</PREVIEW_IMAGE_URL>
<PREVIEW_GEO_INFO>Not applicable</PREVIEW_GEO_INFO>
<Datatake datatakeIdentifier="G{scene.spacecraft}_{scene.stamp}_035628_N{scene.baseline}">
<SPACECRAFT_NAME>Sentinel-{scene.spacecraft[1:]}</SPACECRAFT_NAME>
<DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE>
<DATATAKE_SENSING_START>2024-01-01T10:54:39.024Z</DATATAKE_SENSING_START>
<SENSING_ORBIT_NUMBER>51</SENSING_ORBIT_NUMBER>
<SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>
</Datatake>
<Query_Options completeSingleTile="true"><PRODUCT_FORMAT>SAFE_COMPACT</PRODUCT_FORMAT></Query_Options>
<Product_Organisation><Granule_List>
<{group} datastripIdentifier="{scene.datastrip_id}" granuleIdentifier="{scene.tile_id}" imageFormat="JPEG2000">
{files}</{group}>
</Granule_List></Product_Organisation>
</Product_Info>
<Product_Image_Characteristics>
<Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
<Special_Values><SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX></Special_Values>
<Image_Display_Order><RED_CHANNEL>3</RED_CHANNEL><GREEN_CHANNEL>2</GREEN_CHANNEL><BLUE_CHANNEL>1</BLUE_CHANNEL></Image_Display_Order>
{_radiometry(scene)}{_by_band("PHYSICAL_GAINS", 4.1)}<REFERENCE_BAND>3</REFERENCE_BAND>
</Product_Image_Characteristics>
</n1:General_Info>
<n1:Geometric_Info><Coordinate_Reference_System><GEO_TABLES version="1">EPSG</GEO_TABLES>
</Coordinate_Reference_System></n1:Geometric_Info>
<n1:Quality_Indicators_Info><Cloud_Coverage_Assessment>3.5</Cloud_Coverage_Assessment></n1:Quality_Indicators_Info>
</n1:Level-1C_User_Product>
"""


def _nodes(values: np.ndarray) -> str:
    rows = "".join(
        f"<VALUES>{' '.join('NaN' if np.isnan(v) else f'{v:.6g}' for v in row)}</VALUES>\n" for row in values
    )
    return f'<COL_STEP unit="m">5000</COL_STEP><ROW_STEP unit="m">5000</ROW_STEP><Values_List>\n{rows}</Values_List>'


def angle_nodes(scene: Scene) -> dict[str, np.ndarray]:
    """Sun and view angles on the nodes: planes, with the right half of the nodes unseen by detector 5."""
    y, x = np.indices((scene.nodes, scene.nodes))
    view = 4 + 0.1 * x + 0.02 * y
    return {
        "sun_zenith": 60 + 0.05 * y - 0.03 * x,
        "sun_azimuth": 165 + 0.1 * x + 0 * y,
        "view_zenith": view,
        "view_azimuth": 280 + 0.2 * x + 0.1 * y,
    }


def tile_xml(scene: Scene) -> str:
    """Text of the granule's metadata."""
    geometry = "".join(
        f'<Size resolution="{r}"><NROWS>{scene.rows * 10 // r}</NROWS><NCOLS>{scene.cols * 10 // r}</NCOLS></Size>\n'
        for r in (10, 20, 60)
    ) + "".join(
        f'<Geoposition resolution="{r}"><ULX>{scene.ulx}</ULX><ULY>{scene.uly}</ULY>'
        f"<XDIM>{r}</XDIM><YDIM>-{r}</YDIM></Geoposition>\n"
        for r in (10, 20, 60)
    )
    angles = angle_nodes(scene)
    seen = angles["view_zenith"].copy()
    seen[:, (scene.nodes + 1) // 2 :] = np.nan
    grids = "".join(
        f'<Viewing_Incidence_Angles_Grids bandId="{i}" detectorId="5"><Zenith>{_nodes(seen)}</Zenith>'
        f"<Azimuth>{_nodes(np.where(np.isnan(seen), np.nan, angles['view_azimuth']))}</Azimuth>"
        f"</Viewing_Incidence_Angles_Grids>\n"
        for i in range(13)
    )
    pair = '<ZENITH_ANGLE unit="deg">{}</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">{}</AZIMUTH_ANGLE>'
    means = "".join(
        f'<Mean_Viewing_Incidence_Angle bandId="{i}">{pair.format(5.5 + i / 100, 281)}</Mean_Viewing_Incidence_Angle>\n'
        for i in range(13)
    )
    quality = "" if scene.long_names else f"GRANULE/{scene.granule_name}/QI_DATA/"
    masks = "".join(
        f'<MASK_FILENAME bandId="{i}" type="MSK_{kind}">{quality}MSK_{kind}_{band}.jp2</MASK_FILENAME>\n'
        for kind in ("DETFOO", "QUALIT")
        for i, band in enumerate(BANDS)
    )
    namespace = HOST.format(psd=scene.psd) + "S2_PDI_Level-1C_Tile_Metadata.xsd"
    hemisphere = "N" if scene.epsg < 32700 else "S"
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-1C_Tile_ID xmlns:n1="{namespace}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<n1:General_Info>
<TILE_ID metadataLevel="Brief">{scene.tile_id}</TILE_ID>
<DATASTRIP_ID metadataLevel="Standard">{scene.datastrip_id}</DATASTRIP_ID>
<DOWNLINK_PRIORITY metadataLevel="Standard">NOMINAL</DOWNLINK_PRIORITY>
<SENSING_TIME metadataLevel="Standard">2024-01-01T10:54:39.457000Z</SENSING_TIME>
<Archiving_Info><ARCHIVING_CENTRE>2BPS</ARCHIVING_CENTRE><ARCHIVING_TIME>2024-01-01T12:00:00.000000Z</ARCHIVING_TIME></Archiving_Info>
</n1:General_Info>
<n1:Geometric_Info>
<Tile_Geocoding metadataLevel="Brief">
<HORIZONTAL_CS_NAME>WGS84 / UTM zone {scene.epsg % 100}{hemisphere}</HORIZONTAL_CS_NAME>
<HORIZONTAL_CS_CODE>EPSG:{scene.epsg}</HORIZONTAL_CS_CODE>
{geometry}</Tile_Geocoding>
<Tile_Angles metadataLevel="Standard">
<Sun_Angles_Grid><Zenith>{_nodes(angles["sun_zenith"])}</Zenith><Azimuth>{_nodes(angles["sun_azimuth"])}</Azimuth></Sun_Angles_Grid>
<Mean_Sun_Angle>{pair.format(60.25, 166.5)}</Mean_Sun_Angle>
{grids}<Mean_Viewing_Incidence_Angle_List>
{means}</Mean_Viewing_Incidence_Angle_List>
</Tile_Angles>
</n1:Geometric_Info>
<n1:Quality_Indicators_Info metadataLevel="Standard">
<Image_Content_QI>
<CLOUDY_PIXEL_PERCENTAGE>3.5</CLOUDY_PIXEL_PERCENTAGE>
<DEGRADED_MSI_DATA_PERCENTAGE>0</DEGRADED_MSI_DATA_PERCENTAGE>
</Image_Content_QI>
<Pixel_Level_QI geometry="FULL_RESOLUTION">
{masks}</Pixel_Level_QI>
<PVI_FILENAME>{quality}T{scene.tile}_{scene.stamp}_PVI.jp2</PVI_FILENAME>
</n1:Quality_Indicators_Info>
</n1:Level-1C_Tile_ID>
"""


def datastrip_xml(scene: Scene) -> str:
    """Text of the datastrip's metadata."""
    namespace = HOST.format(psd=scene.psd) + "S2_PDI_Level-1C_Datastrip_Metadata.xsd"
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-1C_DataStrip_ID xmlns:n1="{namespace}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<n1:General_Info>
<Datatake_Info datatakeIdentifier="G{scene.spacecraft}_{scene.stamp}_035628_N{scene.baseline}" metadataLevel="Brief">
<SPACECRAFT_NAME>Sentinel-{scene.spacecraft[1:]}</SPACECRAFT_NAME>
<DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE>
<DATATAKE_SENSING_START>2024-01-01T10:54:39.024Z</DATATAKE_SENSING_START>
<SENSING_ORBIT_NUMBER>51</SENSING_ORBIT_NUMBER>
<SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>
</Datatake_Info>
<Datastrip_Time_Info metadataLevel="Brief">
<DATASTRIP_SENSING_START>2024-01-01T10:54:35.000Z</DATASTRIP_SENSING_START>
<DATASTRIP_SENSING_STOP>2024-01-01T10:55:35.000Z</DATASTRIP_SENSING_STOP>
</Datastrip_Time_Info>
<Processing_Info metadataLevel="Expertise">
<PROCESSING_BASELINE>{scene.baseline}</PROCESSING_BASELINE>
<PROCESSING_CENTER>2BPS</PROCESSING_CENTER>
<UTC_DATE_TIME>2024-01-01T11:45:00Z</UTC_DATE_TIME>
</Processing_Info>
<Archiving_Info><ARCHIVING_CENTRE>2BPS</ARCHIVING_CENTRE><ARCHIVING_TIME>2024-01-01T12:00:00.000000Z</ARCHIVING_TIME></Archiving_Info>
</n1:General_Info>
<n1:Image_Data_Info>
<Tiles_Information metadataLevel="Standard"><Tile_List><Tile tileId="{scene.tile_id}"/></Tile_List></Tiles_Information>
<Radiometric_Info metadataLevel="Expertise">
{_radiometry(scene)}</Radiometric_Info>
</n1:Image_Data_Info>
</n1:Level-1C_DataStrip_ID>
"""
