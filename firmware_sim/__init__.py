"""Every field device of a hot-work site over its real protocol, so that production code runs against it unmodified."""
