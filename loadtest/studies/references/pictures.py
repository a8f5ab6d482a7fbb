"""Small pictures for the repository: PNG with a palette of few colours."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from loadtest.report import theme

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

# Nine inches at this resolution are as wide as a page of the repository.
_DPI = 90
_COLOURS = 32


def draw(figure: Figure, path: Path) -> None:
    """Draw a chart as a small PNG."""
    drawn = BytesIO()
    with theme.style():
        figure.savefig(drawn, format="png", facecolor="white", dpi=_DPI)
    path.write_bytes(shrink(drawn.getvalue()))


def shrink(png: bytes) -> bytes:
    """Return the same picture with few colours: those of its lines and areas as they are, each other as the nearest.

    Each is chosen where the error, distance times pixels, is largest so far. Pillow's own palettes shift the colours by
    which a reader tells the arms apart, and so does a choice by frequency alone.
    """
    with Image.open(BytesIO(png)) as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=np.int64)
    packed = pixels @ np.array([65536, 256, 1])
    colours, place, count = np.unique(packed, return_inverse=True, return_counts=True)
    points = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1)
    nearest = np.zeros(len(points), dtype=np.uint8)
    chosen = [int(count.argmax())]
    distance = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < _COLOURS and distance.any():
        worst = int((distance * count).argmax())
        to_it = ((points - points[worst]) ** 2).sum(axis=1)
        nearest[to_it < distance] = len(chosen)
        distance = np.minimum(distance, to_it)
        chosen.append(worst)
    small = Image.fromarray(nearest[place].reshape(packed.shape))
    small.putpalette(points[chosen].astype(np.uint8).tobytes())
    written = BytesIO()
    small.save(written, format="PNG", optimize=True)
    return written.getvalue()
