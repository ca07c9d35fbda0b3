"""Particles to look at: `preview` draws one as a picture."""
