"""Reports: one Markdown source, the same as a self-contained page, and charts.

A new table, chart or page about a run goes here. It only renders: a number that is not there yet belongs to
`figures`, and what only one experiment shows to its folder in `experiments`.
"""
