"""Odd files and options on the command line: each ends with exit code 2 and a sentence."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from bench.attack import targets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.attack.ground import Ground

WITHIN_S = 20.0
# A sentence or two for each mistake, and no more.
LONGEST_SAID = 4_000
AT_ONCE = 2
_GOOD = """
name = "odd"
title = "An odd one"
[[load]]
requests = 5
rate_per_s = 100
[arms.with.breaker]
fail_max = 5
"""


def attack(ground: Ground) -> None:
    """Give every command what it cannot read."""
    ground.folder.mkdir(parents=True, exist_ok=True)
    trials = list(_trials(ground.folder))
    for number in range(0, len(trials), AT_ONCE):
        with ExitStack() as stack:
            running = []
            for place, (name, arguments, environment) in enumerate(trials[number : number + AT_ONCE]):
                folder = ground.folder / f"{number}-{place}"
                process = stack.enter_context(targets.start_lab(folder, *arguments, **environment))
                running.append((name, folder, process))
            for name, folder, process in running:
                code = targets.wait_for_end(process, WITHIN_S)
                said = (folder / "out").read_text(encoding="utf-8", errors="replace")
                told = f"{name}: {'no end' if code is None else f'exit code {code}'}, {said.strip()[-160:]!r}"
                ground.tally.check(code == 2 and said.strip() and "Traceback" not in said, told)
                ground.tally.check(len(said) <= LONGEST_SAID, f"{name}: {len(said):,} characters said")


def odd_scenarios() -> Iterator[tuple[str, bytes]]:
    """Yield scenario files that are none."""
    good = _GOOD.encode()
    yield "a key of 2,000 dots", b".".join([b"a"] * 2_000) + b" = 1\n" + good
    yield "a table of 2,000 dots", good + b"[" + b".".join([b"a"] * 2_000) + b"]\n"
    yield "lists 5,000 deep", b"a = " + b"[" * 5_000 + b"]" * 5_000 + b"\n" + good
    yield "inline tables 2,000 deep", b"a = " + b"{a=" * 2_000 + b"1" + b"}" * 2_000 + b"\n" + good
    yield "dots within a known table", good + b"[faults]\n" + b".".join([b"latency"] * 1_500) + b" = 1\n"
    yield "20,000 unknown keys", b"".join(b"k%d = 1\n" % number for number in range(20_000)) + good
    yield "20,000 arms", good + b"".join(b"[arms.a%d.breaker]\nfail_maxx = 1\n" % number for number in range(20_000))
    yield "an integer of 6,000 digits", b"seed = " + b"9" * 6_000 + b"\n" + good
    yield "no UTF-8", b'name = "\xff\xfe"\n'
    yield "UTF-16", _GOOD.encode("utf-16")
    yield "NULs", b"\x00" * 1_000
    yield "nothing", b""
    yield "20 MB that are no TOML", b"x" * 20_000_000
    yield "numbers that are not finite", good.replace(b"rate_per_s = 100", b"rate_per_s = nan")
    yield "a huge number of requests", good.replace(b"requests = 5", b"requests = " + b"9" * 18)
    yield "a name that leads out", good.replace(b'name = "odd"', b'name = "../../odd"')
    yield "an arm's name with a line break", good.replace(b"[arms.with.breaker]", b'[arms."a\\nb/../c".breaker]')


def _trials(folder: Path) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    out = ["--out", str(folder / "results")]
    virtual = ["--engine", "virtual", *out]
    for number, (name, text) in enumerate(odd_scenarios()):
        path = folder / f"odd-{number}.toml"
        path.write_bytes(text)
        yield f"run: {name}", ["run", str(path), *virtual], {}
    loop = folder / "loop.toml"
    loop.symlink_to(loop)
    pipe = folder / "pipe.toml"
    os.mkfifo(pipe)
    for name, place in (("a loop of links", loop), ("a folder", folder), ("a pipe", pipe), ("a device", "/dev/zero")):
        yield f"run: {name}", ["run", str(place), *virtual], {}
    for name, text in (
        ("binary", bytes(range(256)) * 500),
        ("a line of 5 MB", b"time,status\n" + b"1," * 2_500_000),
        ("no rows", b"time,status,duration\n"),
        ("nothing", b""),
        ("200,000 columns", b",".join(b"c%d" % number for number in range(200_000)) + b"\n1\n"),
    ):
        log = folder / f"log-{name.replace(' ', '-').replace(',', '')}.csv"
        log.write_bytes(text)
        yield f"tune: {name}", ["tune", str(log), *out], {}
    wrong = folder / "wrong-run"
    wrong.mkdir()
    (wrong / "manifest.json").write_bytes(b'{"a":' * 5_000 + b"1" + b"}" * 5_000)
    yield "report: a deep manifest", ["report", str(wrong)], {}
    yield "report: no run", ["report", str(folder)], {}
    yield "run: seeds without end", ["run", "experiment-1", "--seeds", "1-999999999999", *virtual], {}
    yield "run: odd seeds", ["run", "experiment-1", "--seeds", "1-" * 5_000, *virtual], {}
    yield "run: an odd address", ["run", "experiment-1", "--client-url", "http://[", "--backend-url", "x", *out], {}
    yield "run: a script as an address", ["run", "experiment-1", "--client-url", "file:///etc/passwd", *out], {}
    yield "sweep: an odd grid", ["sweep", "policies", "--grid", "a.b=" + "1," * 20_000, *out], {}
    yield "probability: no number", ["probability", "--rate", "nan"], {}
    yield "ui: a port that is none", ["ui", "--port", "99999", *out], {}
    yield "run: a wrong variable", ["run", "experiment-1", *virtual], {"LOADTEST_UI_PORT": "x" * 2_000}
    yield "run: a variable that does not exist", ["run", "experiment-1", *virtual], {"LOADTEST_ZZZ": "1"}
