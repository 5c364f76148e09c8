"""A case for an investigator: the events of a span as one zip that verifies anywhere, and that a person can read."""
