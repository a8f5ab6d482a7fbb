"""Pictures that are small enough to keep."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from loadtest.studies.references.pictures import shrink


def png(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    written = BytesIO()
    Image.fromarray(pixels).save(written, format="PNG")
    return written.getvalue()


def colours(picture: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with Image.open(BytesIO(picture)) as opened:
        return np.asarray(opened.convert("RGB"))


def test_a_picture_of_few_colours_stays_as_it_is() -> None:
    """Pixel by pixel, white first of all."""
    pixels = np.full((20, 30, 3), 255, dtype=np.uint8)
    pixels[5:9, 3:20] = (0, 114, 178)
    pixels[12, 7] = (213, 94, 0)

    assert np.array_equal(colours(shrink(png(pixels))), pixels)


def test_a_rare_colour_is_not_lost_among_many_shades() -> None:
    """A single failure among a thousand answers keeps its orange, and the whole has few colours."""
    shades = np.arange(256, dtype=np.uint8).repeat(40).reshape(80, 128)
    pixels = np.stack([shades] * 3, axis=2)
    pixels[40:44, 60:64] = (213, 94, 0)

    small = colours(shrink(png(pixels)))

    assert tuple(small[41, 61]) == (213, 94, 0)
    assert len(np.unique(small.reshape(-1, 3), axis=0)) == 32
    assert np.abs(small.astype(int) - pixels).max() <= 12
