"""The service that protects its calls to the backend with a breaker."""
