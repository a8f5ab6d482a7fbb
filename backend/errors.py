"""The backend's errors.

BackendError
`-- QueueFullError      every worker is busy and so is every place in the queue
"""

# Seconds that a caller is asked to wait after a QueueFullError: places become free all the time.
QUEUE_FULL_RETRY_AFTER_S = 1


class BackendError(Exception):
    """Base of the backend's own errors."""


class QueueFullError(BackendError):
    """Every worker is busy and every place in the queue is taken."""
