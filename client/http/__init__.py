"""The client over HTTP: the protected call, the control routes, the event stream, the dashboard, the relay."""
