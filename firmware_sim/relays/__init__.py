"""Buyable relay boards and remote outputs as simulated devices: ICP DAS M-7000 with host watchdog, Waveshare."""
