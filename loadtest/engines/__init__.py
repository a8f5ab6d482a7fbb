"""What runs a scenario and writes its rows.

A new way to send a scenario's requests goes here. All engines write the same rows. Figures and words about a run
belong to `figures` and `report`.
"""
