"""The tables of `docs/` that are made from the models: settings and metrics.

A table goes here when its rows already stand in the code (fields of a model, families of a registry). Prose stays in
`docs/`; tables of measured figures come from the reference runs under `results/`.
"""
