"""What the stage ``images`` reads of the configuration."""

from __future__ import annotations

from tasks.common.records import Record


class PackagingParameters(Record):
    """Options of the product's images, by the names of the GIPP."""

    generate_tci_output: bool = True
    """Write the true-colour images (TCI)."""
    sc_cog: bool = False
    """Write the scene classification as Cloud Optimized GeoTIFF instead of JP2."""
