"""Units of ragged length: where they end, how places see them, how their bytes become one vector.

Read `cutting` (where units end, in a text and in a stream alike), `segments` (runs of places),
`packing` (the units of a batch as indices), then `pooling`; `distinct` finds what needs to be
computed only once.
"""
