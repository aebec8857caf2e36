"""Parameters of the stage ``quality_masks``."""

from __future__ import annotations

from typing import Literal

from tasks.common.records import Record

RasterLayer = Literal["ANC_LOST", "ANC_DEG", "MSI_LOST", "MSI_DEG", "DEFECTIVE", "NODATA", "CROSSTALK", "SATURATED_L1A"]


class QualityMaskParameters(Record):
    """What the operator may choose about the Level-1C quality masks.

    Names that exist in the GIPP are its element names in lower case.
    """

    handle_l1c_qlt_mask: bool = True
    """Whether the masks are used at all."""

    lost_layers: tuple[RasterLayer, ...] = ("ANC_LOST", "MSI_LOST")
    """Layers whose pixels have no usable measurement: no surface reflectance is given there."""

    defective_layers: tuple[RasterLayer, ...] = ("MSI_DEG", "DEFECTIVE")
    """Layers whose pixels are kept and classified as saturated or defective."""
