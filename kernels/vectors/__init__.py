"""Registers and rounding. Each file calls some of those below it, no other:

elementary  exponential, logarithm, sine and cosine of eight float64
words       eight words of 32 bits, for random numbers
doubles     eight float64
lanes       sixteen float32
memory      arrays read and written by address, one number or sixteen
lowering    how numba is told of all these
"""
