"""Colours, shapes and words for outcomes and states in all pictures. Draws nothing itself, so it loads no library.

The colours are Okabe and Ito's, which people with any kind of colour vision can tell apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from client.breakers.interface import State
from client.pipeline.call import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping


class Look(NamedTuple):
    """How one kind of thing is drawn, always the same way.

    `marker` and `hatch` are Matplotlib's. `path` is SVG's, for a browser: an outcome's shape, to be filled, in a box
    from -1 to 1; a state's pattern, to be stroked one unit wide, in a tile of 8 by 8. A colour "none" is not drawn.
    """

    colour: str
    marker: str
    hatch: str
    word: str
    path: str = ""


OUTCOMES: Mapping[str, Look] = {
    Outcome.OK: Look("#009E73", "o", "", "ok", "M-.8 0A.8 .8 0 1 0 .8 0A.8 .8 0 1 0 -.8 0Z"),
    Outcome.ERROR: Look(
        "#D55E00",
        "X",
        "xx",
        "error",
        "M-.9 -.5L-.5 -.9 0 -.4 .5 -.9 .9 -.5 .4 0 .9 .5 .5 .9 0 .4 -.5 .9 -.9 .5 -.4 0Z",
    ),
    Outcome.TIMEOUT: Look("#CC79A7", "s", "..", "timeout", "M-.75 -.75H.75V.75H-.75Z"),
    Outcome.FAST_FAIL: Look("#56B4E9", "v", "//", "fast-fail", "M-.9 -.7H.9L0 .9Z"),
    Outcome.REJECTED: Look("#F0E442", "P", "++", "rejected", "M-.3 -.9H.3V-.3H.9V.3H.3V.9H-.3V.3H-.9V-.3H-.3Z"),
    Outcome.CANCELLED: Look(
        "#999999",
        "*",
        "--",
        "cancelled",
        "M0 -.95L.25 -.3 .95 -.3 .4 .15 .6 .9 0 .45 -.6 .9 -.4 .15 -.95 -.3 -.25 -.3Z",
    ),
}
STATES: Mapping[str, Look] = {
    State.CLOSED: Look("none", "", "", "closed", ""),
    State.OPEN: Look("#0072B2", "", "///", "open", "M-2 10L10 -2M-2 2L2 -2M6 10L10 6"),
    State.HALF_OPEN: Look("#E69F00", "", "...", "half-open", "M1.6 1.7h.8M1.6 2.3h.8M5.6 5.7h.8M5.6 6.3h.8"),
}


def looks_json() -> dict[str, dict[str, dict[str, str]]]:
    """Return what a page needs to draw outcomes and states, in their order."""
    return {
        kind: {
            str(name): {"word": look.word, "colour": look.colour.lower(), "path": look.path}
            for name, look in looks.items()
        }
        for kind, looks in (("outcomes", OUTCOMES), ("states", STATES))
    }
