"""What keeps strangers, floods and slow callers out: hosts and origins, tokens, and the bounds of what is read.

`hosts.py` and `tokens.py` decide, and know no framework: the services and Locust's web UI ask them. A new limit is a
named constant, and a route that everybody may use is a line in `access.py`.
"""
