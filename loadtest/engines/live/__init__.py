"""The live engine: real processes, real HTTP, Locust."""
