"""The law of outer shells from a CT volume, sections 2.1 to 2.3.

calibrate ─> fit ─> volume_files ─> tomography ─> star_shapes ─> families ─> compare ─> plots
"""
