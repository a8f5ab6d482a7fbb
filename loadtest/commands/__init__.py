"""The command line, one file a command: arguments, one call, words for the terminal."""
