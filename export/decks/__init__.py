"""Solver input of single particles: one module a format, each with write(deck, folder)."""
