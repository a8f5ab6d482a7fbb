"""How late requests are sent on virtual time, where a run asks for it: as a real load generator sends them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from backend.weather import uniform


@dataclass(frozen=True)
class Jitter:
    """Each request is sent late by a draw of its own, uniform from 0 to `most_s` seconds.

    A draw depends on the run's seed, the request's id and `stream`, and on nothing else, so load and faults stay as
    they are: another stream is another run on the same weather.
    """

    most_s: float
    stream: int = 0

    def delay_s(self, seed: int, number: int) -> float:
        """Return how late request `number` is sent."""
        return self.most_s * uniform(seed, number, "jitter", self.stream)
