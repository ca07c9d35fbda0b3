"""Tetrahedra of particles whose facets lie on the boundaries of the grains: see docs/meshes.md."""
