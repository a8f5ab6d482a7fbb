"""Every combination of some settings of an arm on virtual time, on the same weather, and what to choose of them.

How a grid is read, scored and drawn goes here. A search that chooses its next point from the last one belongs to
`tune`.
"""
