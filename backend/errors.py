"""The backend's errors.

BackendError
`-- QueueFullError      all workers are busy, and the queue is full
"""

# Retry-After for a QueueFullError, seconds: short, since places in the queue become free all the time.
QUEUE_FULL_RETRY_AFTER_S = 1


class BackendError(Exception):
    """Base of the backend's own errors."""


class QueueFullError(BackendError):
    """All workers are busy, and the queue is full."""
