"""Logs, traces and durations of both services.

Code that writes a line, a span or a histogram goes here; each service defines its own events. Only `spans` knows
OpenTelemetry.
"""
