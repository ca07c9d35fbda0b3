"""Conforming tetrahedra of labelled bodies: plain arrays, one pass a kernel.

lattice ─> stars ─> links ─> repair;   surfaces ─> moves;   quality ─> flips;   relabel, facets

A mesh is points (n, 3) µm, cells (m, 4) int32 of positive volume, names (m,) int32: 0 outside, i + 1 in grain i, −1 no
longer there. Once the outside is left out it is one node n without a place: each outer facet has a cell (a, b, c, n)
of name 0, so that all nodes of the mesh have whole stars and nothing need be said twice.
"""
