"""What every stage shares: errors, bands, the tile grid, records, the artefact store, JPEG 2000 and XML access."""
