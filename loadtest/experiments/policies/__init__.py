"""Every policy through the same disturbances."""
