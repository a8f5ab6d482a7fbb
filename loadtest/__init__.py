"""Scenarios, the engines that run them, and what is made of their rows.

Everything here stands in one of the rooms; `docs/architecture.md` has their order. Data goes from `scenario` to
`engines`, `records`, `figures` and `report`, and never back.
"""
