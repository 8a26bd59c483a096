"""Loops compiled to the processor's own vector instructions, for what array libraries do in many passes over memory.

Each file stands alone, and so some lines stand in two: numba, which keeps what it compiled on disk, notices a change of
the file that a kernel stands in, not of what that file imports, nor of the options below. Rows are copied in loops: to
assign one whole brings the texts of numba's error messages along, which take two seconds more to compile.
"""
