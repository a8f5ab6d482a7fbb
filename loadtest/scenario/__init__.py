"""Scenario files: load over time, faults over time, arms, what is expected.

A new key of a scenario file goes to `model`, a load shape to `load`, a figure of an arm to `arm_figures`. Nothing
here runs a scenario. What a fault does is the backend's, what an arm sets the client's.
"""
