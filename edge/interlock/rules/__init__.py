"""Rule packs: every limit, timer and clause that the kernel decides by. Read from configs/rules/*.yaml.

A pack is data; the kernel has no number of its own. Its hash goes into every decision record.
"""

from edge.interlock.rules.pack import Rules
from edge.interlock.rules.reading import PACKS, SiteRules, effective, load, over, parse, parse_site
from edge.interlock.rules.rows import Days, Flag, LevelRule, Limit, Number, Quantity, Source, Word, unit_of

__all__ = [
    "PACKS",
    "Days",
    "Flag",
    "LevelRule",
    "Limit",
    "Number",
    "Quantity",
    "Rules",
    "SiteRules",
    "Source",
    "Word",
    "effective",
    "load",
    "over",
    "parse",
    "parse_site",
    "unit_of",
]
