"""Reports: one Markdown source, the same as a self-contained page, and charts."""
