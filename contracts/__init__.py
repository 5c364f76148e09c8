"""What box and bridge say to each other. Imports nothing of ours."""
