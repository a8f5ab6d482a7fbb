"""A part of the pipeline that delays calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.made_up import Checkout

PART = '''
"""Delays each call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pydantic import Field

from inputs.model import StrictModel

if TYPE_CHECKING:
    from client.pipeline.call import Answer, Call, Handler
    from client.pipeline.part import Owner


class DelaySettings(StrictModel):
    """How long each call waits."""

    delay_s: float = Field(0.0, ge=0, le=10, description="seconds")


def with_delay(inner: Handler, settings: DelaySettings, _: Owner) -> Handler:
    """Wait before the call."""

    async def delayed(call: Call) -> Answer:
        loop = asyncio.get_running_loop()
        await getattr(loop, "sleep", asyncio.sleep)(settings.delay_s)
        return await inner(call)

    return delayed
'''


def add_part(checkout: Checkout) -> None:
    """Add the file, and its line."""
    checkout.add("client/pipeline/delay.py", PART)
    order = "client/pipeline/order.py"
    checkout.insert(
        order,
        "if TYPE_CHECKING:\n    from client.breakers",
        "from client.pipeline.delay import DelaySettings, with_delay\n",
    )
    line = "    delay: Annotated[DelaySettings, Part(with_delay)] = DelaySettings()"
    checkout.insert(order, "    timeout: Annotated", line)
