"""A finished library as a data set that others can cite.

release ─> data_card, ro_crate ─> croissant ─> citation ─> facts ─> licenses
"""
