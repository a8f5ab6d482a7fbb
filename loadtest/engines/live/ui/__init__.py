"""The lab in Locust's web UI: the form, the Breaker tab, the pages of the runs.

A new option for a run begins in `add_arguments` of `locustfile`, one folder up; its check goes to `form`. What the tab
shows goes to `progress`, how it looks to `web`. It stands on what Locust offers; Locust's own files stay as they are.
"""
