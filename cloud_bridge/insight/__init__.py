"""Figures that follow from the boxes' logs."""
