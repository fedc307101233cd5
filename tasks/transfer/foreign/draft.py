"""A task of another system. What has no column here goes into the tags or the description."""

from collections.abc import Iterable
from typing import Any

from config.text import folded
from tasks.models import TAG_LENGTH, TAGS_PER_TASK, TITLE_LENGTH


class Draft:
    def __init__(self, title: str, description: str | None) -> None:
        self.values: dict[str, Any] = {}
        self.tags: dict[str, str] = {}
        self.lines: list[str] = []
        self.title = title.strip()
        self.description = description

    def tag(self, name: str, kind: str) -> None:
        """Adds a tag; if it is too long or one too many, adds a line to the description instead, after its `kind`."""
        name = name.strip()
        if folded(name) in self.tags or not name:
            return
        if len(name) > TAG_LENGTH or len(self.tags) == TAGS_PER_TASK:
            self.note(kind, name)
        else:
            self.tags[folded(name)] = name

    def note(self, kind: str, value: object) -> None:
        """Adds a line to the description."""
        self.lines.append(f"{kind}: {value}")

    def finished(self) -> dict[str, Any]:
        title, lines = self.title, self.lines
        if len(title) > TITLE_LENGTH:
            title, lines = f"{title[: TITLE_LENGTH - 1].rstrip()}…", [f"Title: {title}", *lines]
        found = {"title": title, "description": joined(self.description, lines), "tags": list(self.tags.values())}
        return {name: value for name, value in {**self.values, **found}.items() if value not in (None, [])}


def joined(description: str | None, lines: Iterable[str]) -> str | None:
    """The original description, a blank line, and the added lines."""
    return "\n\n".join(filter(None, (description, "\n".join(lines)))) or None
