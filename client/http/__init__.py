"""The client over HTTP: the protected call, the control routes, the event stream, the dashboard, the relay.

A new route goes here, one file for each group. It reads the request, makes one call and writes the answer; decisions
belong to `pipeline` and `breakers`, which know no HTTP framework.
"""
