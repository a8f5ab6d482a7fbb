"""Writing to the disk, so that a full one costs no more than what it has no room for.

How a file comes into place, grows and is locked goes here, with the sentence that says what the system refused. It
knows nothing of runs.
"""
