"""Recordings of the boxes' work: an index by permit from their logs, and the segments that came up, until they go."""
