"""The hot-work box."""
