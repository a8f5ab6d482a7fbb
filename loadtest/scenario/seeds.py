"""Seeds as people write them: 7, or 1-20, or 1,3,5-9."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from inputs.wrong_input import WrongInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 10_000


def parse_seeds(text: str) -> list[int]:
    """Return the seeds in the order in which they are named, each once; none for an empty text.

    Raises WrongInputError for a part that is not a seed, a text without seeds, and more than `MOST` seeds.
    """
    seeds: dict[int, None] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", part, re.ASCII)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first:
            raise _wrong_input(part, "whole numbers and ranges, such as 7 or 1-20 or 1,3,5-9")
        if last - first < MOST:
            seeds.update(dict.fromkeys(range(first, last + 1)))
        if last - first >= MOST or len(seeds) > MOST:
            raise _wrong_input(part, f"at most {MOST:,} seeds")
    if text and not seeds:
        raise _wrong_input(text, "whole numbers and ranges, such as 7 or 1-20 or 1,3,5-9")
    return list(seeds)


def seed_text(seeds: Sequence[int]) -> str:
    """Return seeds in the form that `parse_seeds` takes."""
    runs = groupby(enumerate(seeds), key=lambda pair: pair[1] - pair[0])
    spans = [[seed for _, seed in run] for _, run in runs]
    return ",".join(f"{span[0]}-{span[-1]}" if len(span) > 1 else str(span[0]) for span in spans)


def _wrong_input(value: str, allowed: str) -> WrongInputError:
    detail = f"seeds: got {value!r:.80}; allowed: {allowed}"
    return WrongInputError([{"field": "seeds", "value": value, "detail": detail}])
