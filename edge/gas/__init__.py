"""Gas detectors and the button module on Modbus: readings, bus budgets, guarded drivers, the poller."""
