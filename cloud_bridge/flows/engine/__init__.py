"""What happens to a case: pure functions over frozen data. No database, no clock of its own."""
