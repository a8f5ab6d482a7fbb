"""What a run leaves behind: rows, samples, the manifest, and the folder that keeps them."""
