"""The fault matrix: every fault of the site, in both states, against the real box: `make faults`."""
