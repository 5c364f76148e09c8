"""Gas detectors, process sensors and buttons on Modbus: readings, bus budgets, guarded drivers, the poller."""
