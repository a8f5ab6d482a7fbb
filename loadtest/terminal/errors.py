"""How a command fails that has done nothing wrong itself."""

from __future__ import annotations


class ChildError(Exception):
    """A process of the run did not start, or ended too early; the text has its own words."""
