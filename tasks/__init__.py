"""The processing stages, one folder each, in the order in which the data pass through them.

``l1c``, ``dem``, ``esa_cci``, ``quality_masks``, ``meteo``, ``radiative_transfer``, ``classification``,
``aot``, ``water_vapour``, ``surface_reflectance``, ``packaging``; ``simulation`` makes inputs with known truth
and ``common`` holds what all of them share.
"""
