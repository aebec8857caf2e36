"""Parameters of the uncertainty layers."""

from __future__ import annotations

from pydantic import Field

from tasks.surface_reflectance.parameters import SurfaceReflectanceParameters


class UncertaintyParameters(SurfaceReflectanceParameters):
    """Those of the surface reflectance, whose uncertainty this is, and what is known about the inputs."""

    uncertainty_calibration: float = Field(1.7, ge=0.0, le=20.0)
    """``Uncertainty_Calibration`` [%]: one standard deviation of the absolute calibration. The mission's goal is 3 %
    (Drusch et al. 2012, doi:10.1016/j.rse.2011.11.026); taken for the limits of a uniform distribution it is 1.7 %."""
    band_ratio_uncertainty: float = Field(0.01, ge=0.0, le=1.0)
    """One standard deviation of what limits the water vapour: B09 over B8A, by noise and the ground's slope between
    them (1 % is 0.025 cm at 2 cm). The calibration of the two bands comes on top."""
    mean_ratio_uncertainty: float = Field(0.004, ge=0.0, le=1.0)
    """The same of the mean column of the kilometre, with which B09 is corrected: noise averages out, and so in part do
    the slopes of the half dozen kinds of ground that a kilometre of land holds (1 % over the root of six)."""
    unknown_water_vapour_cm: float = Field(1.0, ge=0.0, le=5.0)
    """One standard deviation of the column where none was retrieved [cm]."""
    slope_uncertainty_deg: float = Field(2.7, ge=0.0, le=45.0)
    """One standard deviation of slope and aspect: 2 m relative accuracy of the Copernicus DEM over two cells of 30 m
    (Copernicus DEM Product Handbook: < 2 m on slopes up to 20 %)."""
    sky_uncertainty: float = Field(0.04, ge=0.0, le=1.0)
    """Relative standard deviation of what the model of the sky makes of a slope: 1.2 % of the light where slopes change
    it by 30 %. Under skies of rural aerosol it errs by 0.2 to 1.5 % (``tests/support/slope_light.py``); skies of other
    aerosol were not tried."""
