"""The attacks, one file for each kind: a function that works on its `Ground` and tells its tally what it saw."""
