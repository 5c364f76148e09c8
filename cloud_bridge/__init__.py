"""The bridge: receives the boxes' logs, witnesses them, lets people decide permits and shows what happens."""
