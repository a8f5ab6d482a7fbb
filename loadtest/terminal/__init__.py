"""What people see in the terminal: progress, the transcript, and how a signal ends a command.

Text that is printed while a command runs goes here. Text that is written to a file belongs to `report`.
"""
