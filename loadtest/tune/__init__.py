"""Settings for a real service: a recorded trace or a described fault profile in, recommended settings out."""
