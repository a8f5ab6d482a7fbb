"""An asyncio event loop whose clock jumps to the next timer. Knows nothing of the lab.

Only what makes time pass goes here. What runs on it is `loadtest.engines.virtual`.
"""
