"""The flaky service: answers GET /data, or fails to, according to its fault profile.

A new fault is a field in `profile` and its meaning in `faults`, which draws it from the seed. How the client reacts to
a fault does not belong here: the backend knows neither the client nor the load generator.
"""
