"""Policies that open: closed, open, half-open."""
