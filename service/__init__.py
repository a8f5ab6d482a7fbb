"""What both services are built from: settings, problem details, the server, a caller that hangs up.

Knows neither of them.
"""
