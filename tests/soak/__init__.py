"""Tests at full size: what `make test` shows small, for as long as it takes."""
