"""What pyproject.toml names as its build backend: it builds nothing, and says how the lab is installed."""  # noqa: INP001 - no package

raise SystemExit("Breaker Lab is run from its checkout and builds no package: `make help` says how.")
