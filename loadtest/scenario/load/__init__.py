"""Load over time, one file for each shape.

A new shape is one file with the gap between two arrivals, drawn from the seed, and one line in `segment`. What it needs
beside the rate is a field of `Segment` and of `Paced`. Sending the requests belongs to the engines.
"""
