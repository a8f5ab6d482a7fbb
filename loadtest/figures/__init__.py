"""From the rows of a run to its figures. Pure.

A new figure goes to `summary`, a check of the run itself to `validity`, a rule that judges an arm to `verdict`.
Files and pictures do not belong here: this room gets rows and returns values.
"""
