"""What both services tell of themselves: logs, traces, durations."""
