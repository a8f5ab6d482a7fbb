"""The error of a command whose child process failed."""

from __future__ import annotations


class ChildError(Exception):
    """A process of the run did not start, or ended too early; the text includes its last output."""
