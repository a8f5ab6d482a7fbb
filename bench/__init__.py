"""What a protected call costs, each figure against something measured in the same run."""
