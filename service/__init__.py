"""What both services are built from: the server, problem details, logs, a caller that hangs up.

Code that client and backend would otherwise have twice goes here; it knows neither of them. What only one of them
needs stays there, and what needs no HTTP belongs to `inputs`.
"""
