"""What keeps strangers, floods and slow callers out: limits, bodies, hosts, tokens.

Each limit is a named constant in `limits`, and has its row in docs/security.md. A check that needs no HTTP belongs to
`inputs`; what hosts and tokens are allowed is decided without a framework, so that Locust's web UI can ask, too. What a
route asks for is decided in `access`.
"""
