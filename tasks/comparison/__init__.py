"""Compares two Level-2A results pixel by pixel: accuracy, precision and uncertainty per band, AOT, water vapour, classes."""
