"""Tetrahedra of particles in files: one module a format, each with write(deck, folder); see `tetrahedra.TetDeck`."""
