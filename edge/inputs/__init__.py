"""Buttons and contacts: what bounces is waited for, and those that are wired to the box's own GPIO lines."""
