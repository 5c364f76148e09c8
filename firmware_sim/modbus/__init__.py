"""An independent Modbus responder with faults that can be injected.

Production reads with pymodbus; its peer is written from the specification instead, so that a mistake in one is not
hidden by the same mistake in the other.
"""

from firmware_sim.modbus.faults import Fault, Faulty
from firmware_sim.modbus.pdu import Unit
from firmware_sim.modbus.rtu import RtuBus, crc16
from firmware_sim.modbus.tcp import TcpBus

__all__ = ["Fault", "Faulty", "RtuBus", "TcpBus", "Unit", "crc16"]
