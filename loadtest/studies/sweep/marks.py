"""What the pictures of a sweep have in common: names, numbers, and how the points that matter are marked."""

from __future__ import annotations

from typing import Any

from loadtest.studies.sweep.ranking import MISJUDGED

PANELS = {
    MISJUDGED: "Misjudged, per cent",
    "false_positives": "Good requests refused",
    "bad_calls": "Bad calls let through",
    "in_flight_s": "Seconds held",
}
BEST, DEFAULT, UNGUARDED = "#D55E00", "#0072B2", "#8B5A2B"
BEST_WORD = "best: misjudges least"
BEST_MARK: dict[str, Any] = {
    "marker": "*",
    "markersize": 15,
    "color": BEST,
    "markeredgecolor": "white",
    "linestyle": "none",
    "zorder": 6,
}
DEFAULT_MARK: dict[str, Any] = {
    "marker": "D",
    "markersize": 8,
    "color": DEFAULT,
    "markeredgecolor": "white",
    "linestyle": "none",
    "zorder": 5,
}
FRONT_MARK: dict[str, Any] = {
    "marker": "o",
    "markersize": 6,
    "color": "#009E73",
    "markeredgecolor": "white",
    "linestyle": "none",
    "zorder": 4,
}
BEATEN_MARK: dict[str, Any] = {
    "marker": "o",
    "markersize": 4,
    "markerfacecolor": "none",
    "markeredgecolor": "#999999",
    "linestyle": "none",
    "zorder": 3,
}
UNGUARDED_MARK: dict[str, Any] = {
    "marker": "X",
    "markersize": 9,
    "color": UNGUARDED,
    "markeredgecolor": "white",
    "linestyle": "none",
    "zorder": 5,
}
