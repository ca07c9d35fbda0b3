"""Seeds that are arranged, straight from the definition: every pair, one seed at a time."""

import numpy as np

from nmcfast import arrangement


def function_at(radius, end, values):
    """A function of |s| given at knots that lie evenly from 0 to end."""
    return np.interp(radius, np.linspace(0.0, end, len(values)), np.asarray(values, float))


def displaced(position, mu, regularity, density=(1.0, 1.0), end=1.0):
    """Seeds (n, 3) px after every pass, each pushed by all others within reach of its own spacing."""
    knots = np.asarray(mu * np.asarray(density, float)) ** (-1 / 3)
    for _ in range(arrangement.PASSES):
        moved = np.empty_like(position)
        for i, own in enumerate(position):
            spacing = function_at(np.linalg.norm(own), end, knots.astype(np.float32))
            away = own - position
            apart = np.linalg.norm(away, axis=1)
            near = (apart < arrangement.REACH * spacing) & (apart > 0.0)
            push = 1.0 - apart[near] / (arrangement.REACH * spacing)
            move = arrangement.STRENGTH * regularity * spacing * (push / apart[near]) @ away[near]
            length = np.linalg.norm(move)
            moved[i] = own + move * min(1.0, arrangement.FARTHEST * spacing / max(length, 1e-300))
        position = moved
    return position
