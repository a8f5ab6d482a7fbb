"""Access logs that come with the lab, and the scripts that make them."""
