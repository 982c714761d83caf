"""Versions of tools that a repository pins for mise or asdf."""

from collections.abc import Iterator

from deployzero.detection.tree import Tree

MISE = ("mise.toml", ".mise.toml", "mise/config.toml", ".config/mise.toml")


def tool_pins(tree: Tree, *names: str) -> Iterator[tuple[str, str]]:
    """(file, version) of a tool that has these names; 'latest' and 'system' as they stand."""
    for file in MISE:
        tools = (tree.toml(file) or {}).get("tools")
        for name in names:
            value = tools.get(name) if isinstance(tools, dict) else None
            value = value[0] if isinstance(value, list) and value else value
            value = value.get("version") if isinstance(value, dict) else value
            if isinstance(value, str | int | float):
                yield file, str(value)
    for line in (tree.text(".tool-versions") or "").split("\n"):
        words = line.partition("#")[0].split()
        if len(words) > 1 and words[0] in names:
            yield ".tool-versions", words[1]
