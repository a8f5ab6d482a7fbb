"""What both services tell of themselves: logs, traces, durations.

How a line, a span or a histogram is written goes here; which events there are is said in each service. `spans` alone
knows OpenTelemetry.
"""
