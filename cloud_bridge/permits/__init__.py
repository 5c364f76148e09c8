"""Permits to work: application, two signatures, issue to the box, revocation."""
