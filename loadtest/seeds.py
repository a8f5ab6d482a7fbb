"""Seeds as people write them: 7, or 1-20, or 1,3,5-9."""

from __future__ import annotations

import re

from service.wrong_input import WrongInputError

MOST = 1_000_000


def parse_seeds(text: str) -> list[int]:
    """Return the seeds in the order in which they are named, each once. Raises WrongInputError."""
    seeds: dict[int, None] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first or last - first >= MOST:
            detail = f"seeds: got {part!r}; allowed: whole numbers and ranges, such as 7 or 1-20 or 1,3,5-9"
            raise WrongInputError([{"field": "seeds", "value": part, "detail": detail}])
        seeds.update(dict.fromkeys(range(first, last + 1)))
    return list(seeds)
