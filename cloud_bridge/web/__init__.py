"""Pages, live stream, API and what every request passes through."""
