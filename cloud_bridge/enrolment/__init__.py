"""Faces at the bridge: consent, templates under seal, and what boxes get of them for the permits that need it."""
