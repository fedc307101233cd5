"""What a browser makes of a page: the form on it, as it would be sent."""

from html.parser import HTMLParser
from typing import Any

from django.test import Client


def form_on(staff: Client, url: str, **edited: Any) -> dict[str, Any]:
    """What a browser sends when staff opens this page, edits these fields (None clears a box) and submits."""
    answer = staff.get(url)
    assert answer.status_code == 200, (answer.status_code, answer.headers)
    return form_in(answer.content.decode(), **edited)


def form_in(page: str, **edited: Any) -> dict[str, Any]:
    parser = FormParser()
    parser.feed(page)
    return {name: value for name, value in {**parser.fields, **edited}.items() if value is not None}


class FormParser(HTMLParser):
    """The successful controls (in HTML's words) of the page's content, except its buttons."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, Any] = {}
        self.in_content = False
        self.select = self.textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.in_content |= values.get("id") == "content"
        name, kind = values.get("name", ""), values.get("type")
        match tag:
            case "input" if (
                self.in_content
                and name
                and kind != "submit"
                and (kind not in ("checkbox", "radio") or "checked" in values)
            ):
                self._add(name, values.get("value", "on" if kind == "checkbox" else ""))
            case "select":
                self.select = name
            case "option" if self.select and "selected" in values:
                self._add(self.select, values["value"])
            case "textarea":
                self.textarea = name
                self._add(name, "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            text = self.fields[self.textarea][0].removeprefix("\r\n")  # HTML drops a first line break
            self.fields[self.textarea], self.textarea = [text], ""
        elif tag == "select":
            self.select = ""

    def handle_data(self, data: str) -> None:
        if self.textarea:
            self.fields[self.textarea][0] += as_sent(data)

    def _add(self, name: str, value: str) -> None:
        self.fields.setdefault(name, []).append(as_sent(value))


def as_sent(text: str) -> str:
    """Browsers send CRLF for every line break."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
