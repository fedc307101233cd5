"""A task of another system. What has no column here goes into the tags or the description."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from config.text import BLANK, CONTROL, CONTROLS, HIDDEN, VISIBLE, folded
from tasks.models import TAG_LENGTH, TAGS_PER_TASK, TITLE_LENGTH

NO_TITLE = "(no title)"
LONGEST_NOTICE, MOST_NOTICES = 60, 50  # the names come from the file
BLANKS = re.compile(f"[{BLANK}{CONTROL}]+")


@dataclass
class Notices:
    """What the report says about a file: counts, by name, of what is not carried over and of what was changed."""

    left: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)

    def leave(self, name: str) -> None:
        name = one_line(name)[:LONGEST_NOTICE]
        self.left[name if name in self.left or len(self.left) < MOST_NOTICES else "anything else"] += 1


class Draft:
    def __init__(self, title: str, description: str | None, notices: Notices) -> None:
        self.values: dict[str, Any] = {}
        self.tags: dict[str, str] = {}
        self.lines: list[str] = []
        self.changed = notices.changed
        self.description = description
        self.title = self._title(title.strip())

    def rename(self, title: str) -> None:
        """Takes this title, unless nothing can be seen in it."""
        if VISIBLE.search(title):
            self.title = " ".join(title.split())

    def tag(self, name: str, kind: str) -> None:
        """Adds a tag; if it is too long or one too many, adds a line to the description instead, after its `kind`."""
        clean = name = name.strip()
        if (
            len(name) <= 4 * TAG_LENGTH
        ):  # a far longer one becomes a line anyway, and each pass may remove only one joiner
            clean = one_line(name)
            while HIDDEN.search(clean):
                clean = HIDDEN.sub("", clean).strip()
        if name != clean:
            self.changed["Tags without their line breaks or invisible characters"] += 1
        if not VISIBLE.search(clean) or folded(clean) in self.tags:
            return
        if len(clean) > TAG_LENGTH or len(self.tags) == TAGS_PER_TASK:
            self.note(kind, name)
        else:
            self.tags[folded(clean)] = clean

    def note(self, kind: str, value: object) -> None:
        """Adds a line to the description."""
        self.lines.append(f"{kind}: {value}")

    def finished(self) -> dict[str, Any]:
        title, lines = self.title, self.lines
        if len(title) > TITLE_LENGTH:
            title, lines = f"{title[: TITLE_LENGTH - 1].rstrip()}…", [f"Title: {title}", *lines]
        found = {"title": title, "description": joined(self.description, lines), "tags": list(self.tags.values())}
        return {name: value for name, value in {**self.values, **found}.items() if value not in (None, [])}

    def _title(self, title: str) -> str:
        """The title on one line. If nothing can be seen in it, the first line of the description in which it can."""
        line = one_line(title)
        seen = [each for each in (self.description or "").splitlines() if VISIBLE.search(each)]
        if not VISIBLE.search(line) and (title or seen):
            self.changed["Titles replaced, because nothing could be seen in them"] += 1
            return one_line(seen[0]) if seen else NO_TITLE
        if line != title:
            self.changed["Titles put on one line"] += 1
        return line


def one_line(text: str) -> str:
    """The text with each line break or other control character, and the blanks around it, folded into one blank."""
    return BLANKS.sub(lambda found: " " if CONTROLS.search(found[0]) else found[0], text).strip()


def joined(description: str | None, lines: Iterable[str]) -> str | None:
    """The original description, a blank line, and the added lines."""
    return "\n\n".join(filter(None, (description, "\n".join(lines)))) or None
