"""The interlock: a pure kernel (rules, evidence, conditions, kernel) and the process that feeds it."""
