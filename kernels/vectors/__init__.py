"""Registers and rounding: `lanes` of float32, correctly rounded `doubles`, 64-bit `words`, `elementary` functions.

elementary, words ─> doubles      lanes ─> lowering
"""
