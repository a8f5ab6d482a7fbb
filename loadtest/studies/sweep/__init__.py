"""Every combination of some settings of an arm on virtual time, on the same weather, and what to choose of them."""
