"""Whether the live and the virtual engine tell the same of a scenario.

The rule by which two runs count as the same goes here. What a row holds, and how an engine writes it, does not.
"""
