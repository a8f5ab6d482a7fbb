"""The lab in Locust's web UI: the form, the Breaker tab, the pages of the runs."""
