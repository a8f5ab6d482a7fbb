"""The backend's errors.

BackendError
`-- QueueFullError      every worker is busy and so is every place in the queue
"""


class BackendError(Exception):
    """Base of the backend's own errors."""


class QueueFullError(BackendError):
    """Every worker is busy and every place in the queue is taken."""
