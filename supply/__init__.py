"""What the lab is built from: pins and advisories, lists of what the images hold, digests, the revision.

Independent of the rest of the lab, which runs without it.
"""
