"""One executable question per trap, asked of every breaker there is to compare with."""
