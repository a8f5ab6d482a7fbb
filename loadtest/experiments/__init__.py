"""The experiments that come with the lab, one folder each, and what the reports take from them.

A new experiment or claim is one folder: its scenario, the figures it is compared with, its part of the report. Its
scenario's `document` is its own name, or a report leaves the experiment's part out; it has a target in the Makefile, or
the command in its report does not exist. No file outside the folder compares its name.
"""
