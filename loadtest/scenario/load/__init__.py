"""Load over time, one file a shape."""
