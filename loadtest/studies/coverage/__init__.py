"""How often the 95 % intervals of a comparison cover the true difference, at several numbers of seeds."""
