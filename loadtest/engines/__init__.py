"""What runs a scenario and writes its rows."""
