"""Policies that never open, and refuse a share of the calls."""
