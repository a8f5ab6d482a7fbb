"""Ask a URL whether it answers, for a container's health check: python -m service.probe URL."""

import sys
import urllib.error
import urllib.request

if __name__ == "__main__":
    # A proxy that the environment names is not meant for this container itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(sys.argv[1], timeout=2).close()
    except (OSError, urllib.error.URLError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
