"""Boxes: their logs, checkpoints, states and alerts."""
