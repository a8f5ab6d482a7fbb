"""What a person at the terminal sees: progress, the transcript, and how a signal ends a command.

Words and lines that are printed while a command runs go here. What stands in a file afterwards belongs to `report`.
"""
