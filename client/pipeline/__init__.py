"""The protected call, one file for each part; `order` says how the parts are nested.

A new part (retry, bulkhead, cache) is one file with its settings and its wrapper, and one line in `order`. Policies
that decide whether to refuse belong to `client.breakers`; this package only asks the breaker.
"""
