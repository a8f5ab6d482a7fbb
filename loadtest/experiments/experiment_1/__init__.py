"""Experiment 1 of the reference document: trip the breaker, watch it recover."""
