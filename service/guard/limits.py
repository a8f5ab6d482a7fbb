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
# Seconds in which no byte of a body comes, and seconds for all of it, however steadily it drips; 408 then.
BODY_SILENT_S = 10.0
BODY_WITHIN_S = 60.0
# Seconds until the whole head of a request is there; 408 then.
HEAD_WITHIN_S = 10.0
# Bytes of a request's head, and of one header line; 431 beyond.
LONGEST_HEAD = 65_536
LONGEST_HEADER_LINE = 8_192
# Header lines of a request; 431 beyond.
MOST_HEADER_LINES = 100
# Characters of `X-Request-Id`; 431 beyond.
LONGEST_REQUEST_ID = 128
# Characters of a token, at least and at most; a service with another one does not start.
SHORTEST_TOKEN = 1
LONGEST_TOKEN = 512
# Names in `..._ALLOWED_HOSTS`; a service with more does not start.
MOST_HOSTS = 100
# Host headers that were found good and are remembered as bytes: `*` allows any.
MOST_HOSTS_REMEMBERED = 100
# Seconds that an idle connection is kept after its last answer. Longer than any pause of a shipped scenario, so that
# none closes just when a caller reuses it.
KEEP_ALIVE_S = 120.0
# Seconds in which a caller takes nothing of an answer that waits for him, and seconds for all of it. Then the
# connection is reset.
ANSWER_STUCK_S = 10.0
ANSWER_WITHIN_S = 60.0
# Connections of callers open at once, at most; fewer where the limit of open files is low. The one that has been idle
# the longest then makes room; 503 where none is idle.
MOST_CONNECTIONS = 10_000
# Event streams open at once; 503 beyond, unless one gives way.
MOST_STREAMS = 100
# Seconds after which a stream gives way to a new one where all are in use.
STREAM_SURE_S = 10.0
# A stream is dropped whose oldest unsent event is so many seconds old, or that so many bytes wait for.
STREAM_BEHIND_S = 5.0
STREAM_BEHIND = 1_000_000
# Bytes of a stream that the kernel keeps for its reader, who is behind only when they are full.
STREAM_IN_KERNEL = 65_536
# Events that are passed on at once, twenty times a second at most; the rest are counted as missed.
MOST_EVENTS = 500
# Seconds between two lines of the log about the same kind of trouble.
SAID_EVERY_S = 60.0
