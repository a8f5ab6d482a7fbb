"""What takes many runs: sweep, tune, and whether the engines agree.

A new study is one folder; no study imports another, and what two of them need stands in `many_runs`. Whatever one run
already shows belongs to `figures` and `report`.
"""
