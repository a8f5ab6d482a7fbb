"""The timeout's place in the pipeline."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from client.errors import CallTimeoutError

if TYPE_CHECKING:
    from client.call import Answer, Call, Handler


def with_timeout(inner: Handler, total_s: float) -> Handler:
    """Give the call `total_s` seconds of the running loop's clock, then cancel it. Raises CallTimeoutError."""

    async def limited(call: Call) -> Answer:
        try:
            async with asyncio.timeout(total_s):
                return await inner(call)
        except TimeoutError as error:
            raise CallTimeoutError(total_s) from error

    return limited
