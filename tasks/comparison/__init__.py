"""Compares two Level-2A results: accuracy, precision and uncertainty per band, AOT, water vapour, classes."""
