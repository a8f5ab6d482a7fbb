"""The results that the project keeps: how a folder of results becomes one of them, and whether it still comes out."""
