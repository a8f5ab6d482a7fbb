"""JSON that strangers write: any text gives a value of a sound shape, or a sentence, and takes no long time."""

from __future__ import annotations

import json
from typing import Any

from inputs.nesting import TOO_DEEP, check_depth


class NotJsonError(ValueError):
    """The text is not JSON at all."""


def read_json(text: str | bytes, most_values: int | None = None) -> Any:
    """Return the value of a JSON text (RFC 8259; in UTF-8, if it is bytes), of at most `most_values` values.

    Raises ValueError with a sentence: not JSON, a number of thousands of digits, nested too deeply, too many values.
    """
    try:
        value = json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
    except UnicodeDecodeError as error:
        raise NotJsonError("not JSON: not a text in UTF-8") from error
    except json.JSONDecodeError as error:
        raise NotJsonError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error
    except ValueError as error:  # Python's own limit
        raise ValueError("not JSON: a whole number has more than 4,300 digits") from error
    count = check_depth(value)
    if most_values is not None and count > most_values:
        raise ValueError(f"too many values; allowed: at most {most_values:,}")
    return value
