"""What takes many runs: sweep, tune, and whether the engines agree."""
