"""What the page at GET / needs beside its routes: the feed, the looks, its own traffic, and the files in `static`."""
