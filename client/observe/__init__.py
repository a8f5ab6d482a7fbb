"""What the client tells of itself: counts, metrics, log lines, spans."""
