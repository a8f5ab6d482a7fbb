"""Load over time, one file for each shape.

A new shape is one file with the gap between two arrivals, drawn from the seed, and one line in `segment`. Sending the
requests belongs to the engines.
"""
