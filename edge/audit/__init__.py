"""The tamper-evident log: `AuditLog` writes it. Light on purpose: the interlock imports it."""

from edge.audit.draft import Draft
from edge.audit.health import AckVerdict, Health, Stamp
from edge.audit.log import AuditLog
from edge.audit.recovery import AuditError, DamagedLogError, LogLockedError

__all__ = ["AckVerdict", "AuditError", "AuditLog", "DamagedLogError", "Draft", "Health", "LogLockedError", "Stamp"]
