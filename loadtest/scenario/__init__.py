"""Scenario files: load over time, faults over time, arms, what is expected."""
