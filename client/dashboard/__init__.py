"""All that the page at GET / needs besides its routes: the feed, the looks, test traffic, and the files in `static`."""
