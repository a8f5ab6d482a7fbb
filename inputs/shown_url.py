"""A URL that is only shown: a service's own, as its users know it. They may reach it through a container or a proxy."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator


def _check(url: str) -> str:
    if not re.fullmatch(r"(https?://\S{1,200})?", url):
        raise ValueError("allowed: http://HOST[:PORT], or nothing")
    return url


ShownUrl = Annotated[str, AfterValidator(_check)]
