"""The client service at full rate for minutes, attacked in the middle: does anything grow? python -m bench.soak."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from matplotlib.figure import Figure as Picture

from bench.attack.nuisance import pester
from bench.attack.targets import listening_at
from bench.http import find_obstacle, generate
from bench.ratio import machine
from loadtest.disk.trouble import DiskError
from loadtest.disk.whole import whole_files
from loadtest.engines.live.control import Service, backend_at, client_at
from loadtest.engines.live.services import child

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import psutil

SEGMENT_S = 10
# How the backend fails in the half that flaps, and how fast the breaker tries it again.
FLAP_EVERY_S = 1.0
RESET_TIMEOUT_S = 0.3
# Between the half that flaps and the steady end, the client is attacked for a minute.
ATTACKED_SEGMENTS = 6
# Bounds: of memory after the first minute and after the attack, of counts, and of the last p99 against the first.
MEMORY_SHARE = 0.05
# The allocator keeps some of what an attack once needed, so there is one step up, and no second one.
MEMORY_SHARE_AFTER = 0.2
COUNT_ROOM = 3
P99_RATIO = 1.5


@dataclass(frozen=True)
class SoakSegment:
    """What was measured over SEGMENT_S seconds, and at their end.

    `flapping`: whether the backend flapped; `attacks`: how often everything was tried against the client meanwhile.
    """

    at_s: float
    flapping: bool
    rate: float
    p99_ms: float
    rss_mib: float
    tasks: int
    connections: int
    open_files: int
    transitions: int
    attacks: int = 0


@dataclass(frozen=True)
class SoakCheck:
    """One thing that must hold."""

    name: str
    ok: bool
    detail: str


def judge_segments(segments: Sequence[SoakSegment]) -> list[SoakCheck]:
    """Hold the last minute against the second, both of them steady, and all memory after the first. Pure."""
    per_minute = max(1, 60 // SEGMENT_S)
    first, last = segments[per_minute : 2 * per_minute], segments[-per_minute:]
    checks = _judge_memory(segments[per_minute:], first, last)
    for name in ("tasks", "connections", "open_files"):
        before, end = (max(getattr(each, name) for each in side) for side in (first, last))
        checks.append(
            SoakCheck(
                f"the number of {name.replace('_', ' ')} does not grow",
                end <= before + COUNT_ROOM,
                f"at most {before} in the second minute, {end} in the last",
            )
        )
    start_ms, end_ms = (median(each.p99_ms for each in side) for side in (first, last))
    checks.append(
        SoakCheck(
            f"p99 of the last minute is at most {P99_RATIO} times that of the second",
            end_ms <= P99_RATIO * start_ms,
            f"{start_ms:.1f} ms in the second minute, {end_ms:.1f} ms in the last",
        )
    )
    attacked = [each for each in segments if each.attacks]
    checks.append(
        SoakCheck(
            "the client was attacked, and answered meanwhile",
            bool(attacked) and all(each.rate > 0 for each in attacked),
            f"{sum(each.attacks for each in attacked)} rounds in {len(attacked) * SEGMENT_S} s, "
            f"at least {min((each.rate for each in attacked), default=0):,.0f} calls/s",
        )
    )
    flapping = [each for each in segments if each.flapping]
    checks.append(
        SoakCheck(
            "the breaker did flap",
            bool(flapping) and all(each.transitions > 0 for each in flapping),
            f"{sum(each.transitions for each in flapping)} transitions in {len(flapping) * SEGMENT_S} s",
        )
    )
    return checks


def _judge_memory(
    after: Sequence[SoakSegment], first: Sequence[SoakSegment], last: Sequence[SoakSegment]
) -> list[SoakCheck]:
    """Judge the memory until the attack, and in the last minute, long after it."""
    attack = next((number for number, each in enumerate(after) if each.attacks), len(after))
    start = median(each.rss_mib for each in first)
    checks = []
    for name, share, segments in (
        ("resident memory after the first minute stays within 5 %, until the attack", MEMORY_SHARE, after[:attack]),
        ("resident memory is back within 20 % after the attack", MEMORY_SHARE_AFTER, last),
    ):
        furthest = max(segments, key=lambda each: abs(each.rss_mib - start))
        grown = furthest.rss_mib / start - 1
        said = f"{start:.1f} MiB in the second minute, furthest from it {furthest.rss_mib:.1f} MiB ({grown:+.1%})"
        checks.append(SoakCheck(name, abs(grown) <= share, said))
    begun, end = (after[attack].rss_mib if attack < len(after) else start), max(each.rss_mib for each in last)
    checks.append(
        SoakCheck(
            "resident memory does not grow with each round of attacks",
            end <= (1 + MEMORY_SHARE) * begun,
            f"{begun:.1f} MiB after the first attacked segment, at most {end:.1f} MiB in the last minute",
        )
    )
    return checks


def phase_of(number: int, count: int) -> str:
    """Return what a segment of a soak of `count` is: steady, flapping or attacked. Pure."""
    quarter = count // 4
    if not quarter <= number < count - quarter:
        return "steady"
    return "attacked" if number >= count - quarter - ATTACKED_SEGMENTS else "flapping"


def run(minutes: float, log: Path, say: Callable[[str], None]) -> list[SoakSegment]:
    """Measure: a quarter of the time steady, then flapping, a minute under attack, and a quarter steady."""
    count = round(minutes * 60 / SEGMENT_S)
    with ExitStack() as stack:
        where = {"BACKEND_HOST": "127.0.0.1", "BACKEND_PORT": "0"}
        backend = backend_at(stack.enter_context(child("backend", where, log)))
        where = {"CLIENT_HOST": "127.0.0.1", "CLIENT_PORT": "0", "CLIENT_BACKEND_URL": backend.url}
        settings = {"CLIENT_BREAKER__RESET_TIMEOUT": str(RESET_TIMEOUT_S)}
        client = client_at(stack.enter_context(child("client", where | settings, log)))
        process = listening_at(client.url)
        segments = []
        for number in range(count):
            phase = phase_of(number, count)
            segments.append(_measure_segment((number + 1) * SEGMENT_S, client, backend, process, phase))
            left_s = (count - number - 1) * SEGMENT_S
            latest = segments[-1]
            say(
                f"{phase}, {latest.rate:,.0f}/s, {latest.rss_mib:.0f} MiB, "
                f"p99 {latest.p99_ms:.1f} ms; {left_s // 60}:{left_s % 60:02} left"
            )
        return segments


def _measure_segment(
    at_s: float, client: Service, backend: Service, process: psutil.Process, phase: str
) -> SoakSegment:
    flapping = phase == "flapping"
    transitions_before = _transitions(client)
    stop = threading.Event()
    flapper = threading.Thread(target=_flap, args=(backend, stop), daemon=True)
    if flapping:
        flapper.start()
    try:
        with pester(client.url) if phase == "attacked" else nullcontext() as nuisance:
            load = generate(client.url, 32, SEGMENT_S)
    finally:
        stop.set()
        if flapping:
            flapper.join()
    stats = client.get("/stats")
    return SoakSegment(
        at_s,
        flapping,
        load.rate,
        load.p99_ms,
        process.memory_info().rss / 2**20,
        stats["tasks"],
        len(process.net_connections("tcp")),
        process.num_fds(),
        _transitions(client) - transitions_before,
        nuisance.rounds if nuisance else 0,
    )


def _flap(backend: Service, stop: threading.Event) -> None:
    """Fail and recover in turn; leave the backend well."""
    fails = False
    while not stop.is_set():
        fails = not fails
        backend.send("PUT", "/faults", {"error_rate": 1.0 if fails else 0.0})
        stop.wait(FLAP_EVERY_S)
    backend.send("DELETE", "/faults")


def _transitions(client: Service) -> int:
    return int(client.get(f"/breaker?transitions_after={2**62}")["transition_count"])  # the number, not the list


def write(folder: Path, segments: Sequence[SoakSegment], checks: Sequence[SoakCheck]) -> str:
    """Write soak.json, soak.md and soak.svg, all or none; return the Markdown. Raises DiskError."""
    where = machine()
    found = {
        "machine": where,
        "checks": [asdict(each) for each in checks],
        "segments": [asdict(each) for each in segments],
    }
    requests = sum(each.rate * SEGMENT_S for each in segments)
    about = (
        f"{where['measured']}, {where['cores']} cores, {where['system']}, Python {where['python']}. "
        f"{len(segments) * SEGMENT_S / 60:g} minutes, {requests:,.0f} requests from wrk over 32 connections; the "
        f"middle half with a backend that fails and recovers every {FLAP_EVERY_S:g} s and a `reset_timeout` of "
        f"{RESET_TIMEOUT_S:g} s, but for its last minute, in which the client was attacked."
    )
    lines = [
        "# The client at full rate",
        "",
        about,
        "",
        "| | | |",
        "|---|---|---|",
        *(f"| {'held' if each.ok else '**broken**'} | {each.name} | {each.detail} |" for each in checks),
        "",
        "![Memory, rate and p99 over the time](soak.svg)",
        "",
    ]
    text = "\n".join(lines)
    picture = _draw_picture(segments)
    with whole_files(folder) as draft:
        (draft / "soak.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        (draft / "soak.md").write_text(text, encoding="utf-8")
        for ending in ("svg", "png"):
            picture.savefig(draft / f"soak.{ending}", bbox_inches="tight", dpi=120, facecolor="white")
    return text


def _draw_picture(segments: Sequence[SoakSegment]) -> Picture:
    picture = Picture(figsize=(9, 6))
    panels = picture.subplots(3, 1, sharex=True)
    minutes = [each.at_s / 60 for each in segments]
    shaded = (
        ("flapping", "0.92", [each.at_s / 60 for each in segments if each.flapping]),
        ("attacked", "0.8", [each.at_s / 60 for each in segments if each.attacks]),
    )
    for panel, (name, values) in zip(
        panels,
        (
            ("resident memory, MiB", [each.rss_mib for each in segments]),
            ("requests per second", [each.rate for each in segments]),
            ("p99, ms", [each.p99_ms for each in segments]),
        ),
        strict=True,
    ):
        for label, shade, times in shaded:
            if times:
                panel.axvspan(times[0] - SEGMENT_S / 60, times[-1], color=shade, label=label)
        panel.plot(minutes, values, marker=".")
        panel.set_ylim(0, max(values) * 1.1)
        panel.set_ylabel(name)
    panels[0].legend(loc="lower right", frameon=False)
    panels[-1].set_xlabel("minutes")
    return picture


def main() -> int:
    """Measure, write, print. Return 1 where a check does not hold."""
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long, 8 to 600 (default: 10)")
    parser.add_argument("--out", type=Path, default=Path("results/soak"), help="folder (default: results/soak)")
    options = parser.parse_args()
    if not 8 <= options.minutes <= 600:
        parser.error(f"--minutes: got {options.minutes:g}; allowed: 8 to 600")
    reason = find_obstacle()
    if reason:
        parser.error(reason)
    began = time.monotonic()
    try:
        with TemporaryDirectory() as scratch:
            segments = run(options.minutes, Path(scratch) / "log", lambda text: _say_with_time(text, began))
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; nothing was written\n")
        return 130
    checks = judge_segments(segments)
    folder = options.out / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    try:
        sys.stdout.write(f"{write(folder, segments, checks)}\nin {folder}\n")
    except DiskError as error:
        for check in checks:  # what took minutes is told all the same
            sys.stdout.write(f"{'held' if check.ok else 'broken'}: {check.name}: {check.detail}\n")
        sys.stderr.write(f"{error}\n")
        return 1
    return 0 if all(each.ok for each in checks) else 1


def _say_with_time(text: str, began: float) -> None:
    sys.stderr.write(f"{time.monotonic() - began:5.0f} s  {text}\n")


if __name__ == "__main__":
    sys.exit(main())
