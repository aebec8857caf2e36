"""What the stage ``second_cloud_mask`` reads of the configuration."""

from __future__ import annotations

from typing import Literal

from tasks.common.records import Record


class SecondCloudMaskParameters(Record):
    """The field is the GIPP element of the same name."""

    second_cloud_mask: Literal["NONE", "S2CLOUDLESS"] = "NONE"

    @property
    def wanted(self) -> bool:
        """Whether another program is asked at all."""
        return self.second_cloud_mask != "NONE"
