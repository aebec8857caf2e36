"""Parameters of the stage ``meteo``."""

from __future__ import annotations

from pydantic import Field

from tasks.common.records import Record


class MeteoParameters(Record):
    """What the operator may choose about the meteorological fields.

    Names that exist in the GIPP are its element names in lower case.
    """

    ozone_content: float = Field(default=0.0, ge=0.0, le=700.0)
    """Ozone column [DU]; 0 takes it from the product's AUX_ECMWFT file."""

    default_ozone_du: float = Field(default=331.0, ge=100.0, le=700.0)
    """Ozone column [DU] where neither the GIPP nor the product gives one (Sen2Cor 3.x sources)."""
