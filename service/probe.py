"""Ask a URL whether it answers, for a container's health check: python -m service.probe URL."""

import sys
import urllib.error
import urllib.request

if __name__ == "__main__":
    try:
        urllib.request.urlopen(sys.argv[1], timeout=2).close()  # noqa: S310 - the URL stands in the Dockerfile
    except (OSError, urllib.error.URLError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
