"""Whether the live and the virtual engine tell the same of a scenario."""
