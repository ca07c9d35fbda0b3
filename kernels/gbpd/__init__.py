"""Exact labels of generalised balanced power diagrams, Eq. (8).

labels ─> volumes   boxes   halo
             └─────────┴──> descent ─> ceilings ─> candidates ─> leaves
"""
