"""Scenario files: load over time, faults over time, arms, what is expected.

A new key of a scenario file goes to `model`, a load shape to `load`, the name of a figure to `figure_names`. Nothing
here runs a scenario. What a fault does is the backend's, what an arm sets the client's.
"""
