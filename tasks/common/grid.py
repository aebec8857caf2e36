"""The pixel grid of a tile. Arrays are ``[y, x]``, north up; coordinates are those of the tile's UTM zone."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from tasks.common.errors import InvalidInput

RESOLUTIONS: tuple[int, int, int] = (10, 20, 60)


class Grid(BaseModel):
    """A north-up grid: EPSG code, upper left corner [m], pixel size [m] and size [pixels]."""

    model_config = ConfigDict(frozen=True)

    epsg: int
    ulx: float
    uly: float
    resolution: int
    rows: int
    cols: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return self.rows, self.cols

    @property
    def geotransform(self) -> tuple[float, float, float, float, float, float]:
        """GDAL geotransform (ulx, dx, 0, uly, 0, -dy)."""
        return self.ulx, float(self.resolution), 0.0, self.uly, 0.0, -float(self.resolution)

    def at(self, resolution: int) -> Grid:
        """Return the same extent at another resolution.

        Raises:
            InvalidInput: the extent is not a whole number of pixels at that resolution.
        """
        rows, row_rest = divmod(self.rows * self.resolution, resolution)
        cols, col_rest = divmod(self.cols * self.resolution, resolution)
        if row_rest or col_rest:
            raise InvalidInput(
                f"grid of {self.rows} x {self.cols} pixels at {self.resolution} m has no whole number of "
                f"pixels at {resolution} m: the 10 m size must be divisible by 6"
            )
        return self.model_copy(update={"resolution": resolution, "rows": rows, "cols": cols})
