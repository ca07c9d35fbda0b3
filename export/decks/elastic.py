"""Elastic constants and swelling of the crystal that decks of mechanics start from. THEY ARE A CHOICE, not NMC811's."""

# MPa, axes x ∥ a, z ∥ c (docs/conventions.md): LiCrO2, the same structure (R-3m), as the Materials Project computed it
# (mp-18793, DFT; printed by ELATE, progs.coudert.name/elate). LiNi0.8Mn0.1Co0.1O2 has Liu et al., PRX Energy 3, 013012.
STIFFNESS = {"C11": 351e3, "C12": 106e3, "C13": 69e3, "C14": -9e3, "C33": 203e3, "C44": 54e3}
# Strain along a, b, c per unit of "temperature": c shrinks, a grows; the volume stays.
EXPANSION = (0.005, 0.005, -0.01)
