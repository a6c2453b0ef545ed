"""What the compatible modules in `server` are made of: code that was written for the old ones.

New code has no use for it.
"""
