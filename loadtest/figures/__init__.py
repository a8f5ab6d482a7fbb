"""From the rows of a run to its figures. Pure."""
