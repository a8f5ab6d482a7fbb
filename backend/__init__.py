"""The flaky service: answers GET /data, or fails to, as its fault profile says.

A new fault is a field in `profile` and its meaning in `faults`, which draws it from the seed. What the client does
about a fault does not belong here: the backend knows neither the client nor the load generator.
"""
