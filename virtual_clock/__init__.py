"""An asyncio event loop whose clock jumps to the next timer. Knows nothing of the lab."""
