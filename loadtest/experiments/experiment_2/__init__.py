"""Experiment 2 of the reference document: with and without a breaker."""
