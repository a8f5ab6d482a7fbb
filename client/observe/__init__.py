"""What the client tells of itself: counts, metrics, log lines, spans.

Each is a hook that receives calls and transitions, and decides nothing. A new metric is read from what `counters`
keeps and is exported as zero from the start.
"""
