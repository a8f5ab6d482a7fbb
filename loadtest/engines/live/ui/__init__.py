"""The lab in Locust's web UI: who may ask for what, the form, the Breaker tab, the pages of the runs.

A new option for a run begins in `add_arguments` of `locustfile`, one folder up; its name and its check go to `form`,
what becomes of it to `desk`. Who may ask goes to `door`, what a caller may cost to `server`. What the tab shows goes to
`progress`, how it looks to `web`. It stands on what Locust offers; Locust's own files stay as they are.
"""
