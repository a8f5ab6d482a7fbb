"""Bodies: many keys, deep, long, chunked, endless, of a wrong length or type, and text that is none."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.attack import wire
from bench.attack.routes import operations
from bench.attack.states import difference, read_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.attack.ground import Ground
    from bench.attack.routes import Operation
    from bench.attack.targets import Target

# An answer to a bad body needs no more than this: 20 problems of some 100 characters, twice.
LONGEST_ANSWER = 16_000
# Any body is answered within this time once it is there: the loop is not to be held.
ANSWERED_WITHIN_S = 2.0
# What a service may read and drop of a body that is too long, with room for what the system keeps under way.
MOST_READ = 32_000_000 + 16_000_000
ENDED_WITHIN_S = 14.0
# A wrong frame is answered at once, or waits for more that does not come.
_FRAMING_WITHIN_S = 1.0
_JSON = {"Content-Type": "application/json"}


def attack(ground: Ground) -> None:
    """Try each on every route that takes a body; each service is attacked on its own, since one may not survive."""
    with ground.services() as pair:
        _attack_service(ground, pair.client)
    with ground.services() as pair:
        _attack_service(ground, pair.backend)


def _attack_service(ground: Ground, target: Target) -> None:
    taking = [each for each in operations(target) if each.method in ("PUT", "PATCH") and _takes_body(each)]
    taking = taking[: ground.effort.choose(len(taking), 1)]
    for operation in taking:
        with _state_kept(ground, target, operation):
            _attack_text(ground, target, operation)
            _attack_framing(ground, target, operation)
    for operation in taking:
        with _state_kept(ground, target, operation):
            _attack_length(ground, target, operation)
    if not ground.effort.quick:
        _attack_without_end(ground, target, "/config" if target.name == "client" else "/faults")
        _attack_without_end(ground, target, "/data")


def _takes_body(operation: Operation) -> bool:
    return operation.body is not None or operation.path.endswith("/faults")  # the relay's page need not say so


@contextmanager
def _state_kept(ground: Ground, target: Target, operation: Operation) -> Iterator[None]:
    before = read_state(target)
    yield
    left = difference(before, read_state(target))
    ground.tally.check(not left, f"{target.name}: after all of {operation.name}: {left}")


def keys(count: int) -> bytes:
    """Return an object of so many unknown keys."""
    return json.dumps({f"k{number}": 1 for number in range(count)}).encode()


def _texts(*, quick: bool) -> Iterator[tuple[str, bytes]]:
    """Yield bodies within the length of a control route's, each with its name; none of them is right."""
    yield "4,000 unknown keys", keys(4_000)
    yield "8,000 unknown keys", keys(8_000)
    yield "2,000 unknown keys that are alike", json.dumps({f"fail_maxx{n}": 1 for n in range(2_000)}).encode()
    yield "the same key 5,000 times", b"{" + b",".join([b'"zzz":1'] * 5_000) + b"}"
    yield "a key of 50,000 letters", json.dumps({"k" * 50_000: 1}).encode()
    yield "a value of 50,000 letters", json.dumps({"name": "x" * 50_000, "title": "x" * 50_000, "zzz": 1}).encode()
    yield "a list of 20,000 numbers", json.dumps({"zzz": list(range(10_000))}).encode()
    for depth in [60, 957, 5_000] if quick else [60, 200, *range(930, 1_010, 3), 3_000, 10_000]:
        yield f"objects {depth} deep", b'{"zzz":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
        yield f"lists {depth} deep", b'{"zzz":' + b"[" * depth + b"]" * depth + b"}"
        yield f"known key, {depth} deep", b'{"breaker":{"fail_max":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}}"
        yield f"phases, {depth} deep", b'{"phases":[{"profile":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}]}"
    yield "no end", b'{"a":'
    yield "no UTF-8", b'{"zzz":"\xff\xfe\x80"}'
    yield "UTF-16", '{"zzz":1}'.encode("utf-16")
    yield "a byte order mark", b'\xef\xbb\xbf{"zzz":1}'
    yield "half a surrogate pair", b'{"\\ud800":1}'
    yield "a NUL", b'{"a\x00b":1}'
    yield "an integer of 5,000 digits", b'{"zzz":' + b"9" * 5_000 + b"}"
    yield (
        "an integer of 5,000 digits in a known place",
        b'{"seed":' + b"9" * 5_000 + b',"fail_max":' + b"9" * 5_000 + b"}",
    )
    yield "numbers that are not finite", b'{"zzz":NaN,"a":Infinity,"b":-1e999}'
    yield "no object", b"[]"
    yield "null", b"null"
    yield "a number", b"5"
    yield "nothing", b""
    yield "random bytes", bytes(range(256)) * 4


def _attack_text(ground: Ground, target: Target, operation: Operation) -> None:
    for name, body in _texts(quick=ground.effort.quick):
        answer = target.ask(operation.method, operation.path, body, within_s=20)
        told = f"{target.name}: {operation.name} with {name}: {answer.told()}"
        ground.tally.check(400 <= answer.status < 500 and answer.is_problem, told)
        ground.tally.check(answer.took_s <= ANSWERED_WITHIN_S, f"{told}, answered late")
        ground.tally.check(len(answer.body) <= LONGEST_ANSWER, f"{told}: an answer of {len(answer.body):,} bytes")
    for kind in (
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "x" * 500,
        "multipart/form-data",
    ):
        answer = target.ask(operation.method, operation.path, b'{"zzz":1}', {"Content-Type": kind})
        told = f"{target.name}: {operation.name} as {kind[:40]}: {answer.told()}"
        ground.tally.check(400 <= answer.status < 500, told)


def _attack_length(ground: Ground, target: Target, operation: Operation) -> None:
    """Send too much, as one who reads only when all is sent: he has to be able to read the 413."""
    sizes = (1_100_000,) if ground.effort.quick else (1_100_000, 6_000_000, 20_000_000)
    control = operation.path in ("/breaker", "/config")
    for size in (66_000, *sizes) if control else sizes:
        body = b'{"zzz":"' + b"x" * (size - 10) + b'"}'
        for chunked in (False, True):
            parts = _as_chunks(operation, body) if chunked else [_whole(operation, body)]
            answer = wire.exchange(target.url, parts, method=operation.method, naive=True, within_s=15)
            how = "in chunks" if chunked else "with its length"
            told = f"{target.name}: {operation.name} with {size:,} bytes {how}: {answer.told()}"
            ground.tally.check(answer.status == 413 and answer.is_problem, told)
    over = keys(100_000 if not ground.effort.quick else 20_000)
    answer = wire.exchange(target.url, [_whole(operation, over)], method=operation.method, naive=True, within_s=20)
    told = f"{target.name}: {operation.name} with {len(over):,} bytes of unknown keys: {answer.told()}"
    ground.tally.check(400 <= answer.status < 500, told)


def _attack_framing(ground: Ground, target: Target, operation: Operation) -> None:
    """Say a length that is none, or break off."""
    for length in ("-1", "abc", "5, 6", "+5", "0x5", "9" * 30, "1e3", ""):
        raw = wire.head(operation.method, operation.path, _JSON | {"Content-Length": length}) + b'{"a":1}'
        answer = wire.exchange(target.url, [raw], method=operation.method, within_s=_FRAMING_WITHIN_S)
        told = f"{target.name}: {operation.name}, Content-Length {length[:40]!r}: {answer.told()}"
        ground.tally.check(answer.status != 500 and not 200 <= answer.status < 300, told)
    for chunk in (
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"-1\r\n",
        b"f" * 20 + b"\r\n",
        b"2;" + b"x" * 60_000,
        b"2\r\n{}X0\r\n\r\n",
    ):
        raw = wire.head(operation.method, operation.path, _JSON | {"Transfer-Encoding": "chunked"}) + chunk
        answer = wire.exchange(target.url, [raw], method=operation.method, within_s=_FRAMING_WITHIN_S)
        told = f"{target.name}: {operation.name}, chunk {chunk[:20]!r}: {answer.told()}"
        ground.tally.check(answer.status != 500 and not 200 <= answer.status < 300, told)


def _attack_without_end(ground: Ground, target: Target, path: str) -> None:
    """Send chunks for as long as they are taken."""
    method = "GET" if path == "/data" else "PATCH"
    head = wire.head(method, path, _JSON | {"Transfer-Encoding": "chunked"})
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    memory = target.process.memory_info().rss

    def parts() -> Iterator[bytes]:
        yield head
        for _ in range(2 * MOST_READ // len(chunk)):
            yield chunk

    answer = wire.exchange(target.url, parts(), method=method, within_s=ENDED_WITHIN_S + 4)
    told = f"{target.name}: {method} {path}, chunks without end: {answer.told()}, {answer.sent:,} bytes taken"
    if path != "/data":
        ground.tally.check(answer.status == 413 or (answer.closed and answer.sent <= MOST_READ), told)
    ground.tally.check(answer.sent <= MOST_READ or path == "/data", told)
    grown = target.process.memory_info().rss - memory
    ground.tally.check(grown < 100_000_000, f"{told}; memory grew by {grown:,} bytes")


def _whole(operation: Operation, body: bytes) -> bytes:
    return wire.head(operation.method, operation.path, length=len(body)) + body


def _as_chunks(operation: Operation, body: bytes) -> list[bytes]:
    head = wire.head(operation.method, operation.path, _JSON | {"Transfer-Encoding": "chunked"})
    size = 30_000
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return [head, *(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces), b"0\r\n\r\n"]
