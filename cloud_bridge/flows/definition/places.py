"""On which line of a YAML text each key and entry stands."""

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode


def lines(text: str) -> dict[str, int]:
    """Path → line, from one; empty when the text is no YAML."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return {}
    found: dict[str, int] = {}
    _walk(root, "", found)
    return found


def _walk(node: Node | None, path: str, found: dict[str, int]) -> None:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            below = f"{path}.{key.value}" if path else str(key.value)
            if below not in found:
                found[below] = key.start_mark.line + 1
                _walk(value, below, found)
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            found[f"{path}[{index}]"] = item.start_mark.line + 1
            _walk(item, f"{path}[{index}]", found)
