"""The live engine: real processes, real HTTP, Locust.

Starting and ending services, sending the load and putting settings back go here. `locustfile` alone imports Locust,
which replaces the process's sockets. What Locust's web UI shows is `ui`.
"""
