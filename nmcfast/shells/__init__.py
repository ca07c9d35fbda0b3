"""Outer shells, section 2.3: laws, single shells, their descriptors, and those that meet a condition.

Each file calls some of those below it, no other:

choice         shells drawn until a condition on their descriptors holds
shell          a single shell
joint_law      our law: energies of all orders together, of the log of the radius
law            the paper's two laws
log_expansion  the log of the radius expanded, and back
descriptors    d_max, compactness, aspect ratio, sphericity of Eqs. (17)–(20)
harmonics      expansions and grids of directions
"""
