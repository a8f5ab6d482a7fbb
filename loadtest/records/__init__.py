"""What a run leaves behind: rows, samples, the manifest, and the folder that keeps them.

A new field of a row, and how it is written and read back, goes here, with its type. What follows from a field is a
figure and belongs to `figures`.
"""
