"""What a person at the terminal sees: progress, the transcript, and how a signal ends a command."""
