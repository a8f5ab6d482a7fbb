"""Settings for a real service, from its fault profile or its access log."""
