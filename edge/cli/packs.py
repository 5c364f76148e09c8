"""Which rule pack a command line means."""

from pathlib import Path

from contracts import yaml_file
from edge.cli.choices import Choices
from edge.config import read
from edge.interlock import rules
from edge.interlock.rules import Rules


def asked(pack: str | None, chosen: Choices) -> Rules:
    """The pack of a name or a file, or what the box of the configuration goes by."""
    if pack is None:
        config = read(chosen.config)
        return rules.effective(config.baseline, config.site_rules)
    path = Path(pack)
    if path.suffix not in (".yaml", ".yml"):
        return rules.load(pack)
    text = path.read_text(encoding="utf-8")
    raw = yaml_file.load(text, path.name)
    if isinstance(raw, dict) and "tightens" in raw:
        site = rules.parse_site(text, path.name)
        return rules.over(rules.load(site.tightens), site)
    return rules.parse(text, path.name)
