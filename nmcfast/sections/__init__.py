"""Sections of grains: labels (`grain_map`), their `statistics`, `fit` of a 2D diagram, `cutouts` for training."""
