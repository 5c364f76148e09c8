"""Parts of engines, and what puts them together; `faces.loading` chooses."""
