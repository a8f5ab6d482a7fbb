"""The client's and the backend's own code on a clock that jumps."""
