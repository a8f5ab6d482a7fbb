"""The experiments that come with the lab, one folder each, and what the reports take from them.

A new experiment or claim is one folder: its scenario, the figures it is compared with, its part of the report. No file
outside the folder compares its name.
"""
