"""The text that is executed, with a fixed buffer for every array.

`planner` says where each value lives, `kernels` which call is fastest for its form, and
`seats` what can be done side by side in one array. `statements` writes the text, `replay` runs it,
`memory` adds up, and `proof` follows what lies where.

Surprises here
--------------
- That another call gives the same bits is found by trying both on this machine, not by knowing BLAS.
- States are moved side by side only while nobody else holds their arrays, as reference counts tell.
- Numbers beside arrays become arrays without axes, which NumPy takes up faster.
"""
