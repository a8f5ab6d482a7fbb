"""The experiments that come with the lab, one folder each, and what the reports take from them."""
