"""Shells computed: radii of spherical harmonics, Eqs. (2) and (7), random coefficients, bodies on grids.

Each file calls some of those below it, no other:

joint      random shells of law `joint`
drawing    random shells of the paper's laws, and which of them are particles
star       star-shaped bodies on grids
harmonics  radii and sums of spherical harmonics
"""
