"""What an attack is, what it works with, and how it says what it saw."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.attack import targets, watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bench.attack.targets import TargetPair

# A service that is asked to end has to be gone within these seconds.
END_WITHIN_S = 5.0


class SkippedAttackError(Exception):
    """The attack cannot be run here; the text says why."""


@dataclass(frozen=True)
class Effort:
    """How much an attack may do: `quick` for a run of half a minute; `seed` decides all that is drawn."""

    seed: int = 0
    quick: bool = False

    def choose(self, full: int, quick: int) -> int:
        """Return a count: for a full run, or for a quick one."""
        return quick if self.quick else full


@dataclass
class AttackTally:
    """What was tried, what did not hold and how often, and the longest `GET /data` meanwhile, if any was asked for."""

    tried: int = 0
    told: dict[str, int] = field(default_factory=dict)
    longest_data_s: float | None = None

    @property
    def broken(self) -> int:
        """How many trials did not hold."""
        return sum(self.told.values())

    def check(self, held: object, otherwise: str) -> bool:
        """Count one trial; `otherwise` says what happened if it did not hold. Return whether it held."""
        self.tried += 1
        if not held:
            text = " ".join(otherwise.split())[:300]
            self.told[text] = self.told.get(text, 0) + 1
        return bool(held)


@dataclass
class Ground:
    """Where one attack takes place. `limit_s`: the longest that `GET /data` may take meanwhile."""

    folder: Path
    effort: Effort
    tally: AttackTally
    limit_s: float

    @contextmanager
    def services(self, *, watched: str = "/data", files: int | None = None, **environment: str) -> Iterator[TargetPair]:
        """Run both services, and measure `GET /data` meanwhile. At the end they have to be well, and to go when asked.

        `watched`: another path where the attack may set faults, so that `/data` says nothing; "" where nobody may get
        in. `files`: how many each may open. Raises ChildError.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with targets.start_pair(self.folder / "log", files, **environment) as pair:
            if watched:
                with watching.watch([each.url + watched for each in pair]) as watch:
                    try:
                        yield pair
                    finally:  # also where the time is over: the longest request is then what matters
                        self.judge(watch.seen())
            else:
                yield pair
            self._check_end(pair)

    def judge(self, seen: watching.Seen) -> None:
        """Hold the longest `GET /data` against the limit, and its answers against those of a healthy service."""
        self.tally.longest_data_s = max(self.tally.longest_data_s or 0.0, seen.longest_s)
        self.tally.check(
            seen.longest_s <= self.limit_s,
            f"GET /data took {seen.longest_s:.2f} s meanwhile; at most {self.limit_s:.2f} s",
        )
        self.tally.check(not seen.trouble, f"GET /data meanwhile: {seen.trouble}")

    def _check_end(self, pair: TargetPair) -> None:
        for each in pair:
            answer = each.ask("GET", "/health", within_s=5)
            self.tally.check(answer.status == 200, f"{each.name}: GET /health afterwards: {answer.told()}")
        for each in pair:
            took_s = each.end(END_WITHIN_S)
            self.tally.check(took_s is not None, f"{each.name}: not gone {END_WITHIN_S:g} s after SIGTERM")
        said = _traceback_in(self.folder / "log")
        self.tally.check(not said, f"a traceback in a log: {said}")


def _traceback_in(log: Path) -> str:
    """Return the last line of the first traceback in a log, or nothing."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    first = next((number for number, line in enumerate(lines) if "Traceback (most recent call last)" in line), None)
    if first is None:
        return ""
    return next((line for line in lines[first + 1 :] if line[:1].strip()), "it ends in the middle")[-200:]


@dataclass(frozen=True)
class Attack:
    """One kind of attack: its name, what it does, how long it may take, and whether a quick run has it."""

    name: str
    about: str
    run: Callable[[Ground], None]
    deadline_s: float
    quick: bool = True
