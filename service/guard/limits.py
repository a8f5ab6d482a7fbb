"""The limits of both services, each once. The page docs/security.md lists them."""

from __future__ import annotations

# Bytes of the body of a control request; 413 beyond.
LONGEST_BODY = 65_536
# The same for `PUT` and `PATCH /faults`, whose sequence and phases are long.
LONGEST_FAULTS_BODY = 1_048_576
# What still comes of a body that is too long is read and dropped, so that its sender can read the answer: bytes in all,
# and seconds. Then the connection is closed.
DROP_UP_TO = 33_554_432
DROP_FOR_S = 10.0
# Seconds in which no byte of a body comes; 408 then.
BODY_SILENT_S = 10.0
# Seconds until the whole head of a request is there; 408 then.
HEAD_WITHIN_S = 10.0
# Bytes of a request's head, and of one header line; 431 beyond.
LONGEST_HEAD = 65_536
LONGEST_HEADER_LINE = 8_192
# Characters of `X-Request-Id`; 431 beyond.
LONGEST_REQUEST_ID = 128
# Characters of a token, at least and at most; a service with another one does not start.
SHORTEST_TOKEN = 16
LONGEST_TOKEN = 128
# Names in `..._ALLOWED_HOSTS`; a service with more does not start.
MOST_HOSTS = 100
# Host headers that were found good and are remembered as bytes: `*` allows any.
MOST_HOSTS_REMEMBERED = 100
