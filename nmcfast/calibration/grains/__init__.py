"""The law of grains from planar sections, sections 2.4, 2.5 and 4.4.

calibrate ─> gan ─> nets ─> moment_fit ─> reference ─> scores ─> options;  plots
calibrate ─> agreement ─> section_profile ─> moments;  verdict, which models, info and generate read;  wrong_laws
"""
