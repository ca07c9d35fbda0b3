"""Measurements in, model files out: `shells` from CT volumes, `grains` from EBSD maps."""
