"""Parameters of the stage ``quality_masks``."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from tasks.common.records import Record
from tasks.quality_masks.layers import RASTER_LAYERS

_LAYER: Final = "|".join(RASTER_LAYERS)
_LAYERS: Final = f"^(NONE|({_LAYER})( ({_LAYER}))*)$"


class QualityMaskParameters(Record):
    """What the operator may choose about the Level-1C quality masks.

    Names that exist in the GIPP are its element names in lower case.
    """

    handle_l1c_qlt_mask: bool = True
    """Whether the masks are used at all."""

    l1c_qlt_lost_layers: str = Field(default="ANC_LOST MSI_LOST", pattern=_LAYERS)
    """Layers whose pixels have no usable measurement: they become no-data. ``NONE`` for no layer."""

    l1c_qlt_defective_layers: str = Field(default="MSI_DEG DEFECTIVE SATURATED_L1A", pattern=_LAYERS)
    """Layers whose pixels are kept and classified as saturated or defective. ``NONE`` for no layer."""

    @property
    def lost_layers(self) -> tuple[str, ...]:
        """Names of the layers that mean lost."""
        return tuple(name for name in self.l1c_qlt_lost_layers.split() if name != "NONE")

    @property
    def defective_layers(self) -> tuple[str, ...]:
        """Names of the layers that mean defective."""
        return tuple(name for name in self.l1c_qlt_defective_layers.split() if name != "NONE")
