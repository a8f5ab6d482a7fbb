"""The command line, one file a command: arguments, one call, words for the terminal.

A new command is one file here and one line in `app`. It computes nothing itself, and it imports what it needs when it
runs, so that `--help` is quick.
"""
