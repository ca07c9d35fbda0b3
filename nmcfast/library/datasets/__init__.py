"""Particles of a library as data sets of `torch` and `xarray`."""
