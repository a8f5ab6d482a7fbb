"""The flaky service: answers GET /data, or fails to, as its fault profile says."""
