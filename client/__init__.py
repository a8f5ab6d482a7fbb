"""The service that protects its calls to the backend with a breaker.

A part that wraps a call goes to `pipeline`, a rule that refuses calls to `breakers`, a route to `http`, and counting
or logging to `observe`. Faults, load and reports do not belong here.
"""
