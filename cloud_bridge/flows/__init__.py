"""Workflows: declared in configs/workflows/*.yaml, decided by pure functions, carried out in one transaction each."""
