"""Who is here and where: Bluetooth badges and GNSS."""
