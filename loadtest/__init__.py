"""Scenarios, the engines that run them, and what is made of their rows."""
