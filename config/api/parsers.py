"""Bodies as JSON (RFC 8259), read strictly and whole: every fault is found in one reading, with its place."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import IO, Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError, UnsupportedMediaType

from config.api.faults import Fault, pointer_to

MAX_DEPTH = 32


class Members(dict[str, Any]):
    """A JSON object that knows which of its names came twice and, for the outermost one, every fault of the text."""

    repeated: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


class JSONParser(parsers.JSONParser):
    """`application/json` in UTF-8."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        _refuse_charset(media_type or "")
        _refuse_coding(media_type or "", parser_context or {})
        try:
            text = stream.read().decode()
            if not text.strip():
                raise ParseError("The body is empty: put a JSON object.")
            return read_json(text)
        except UnicodeDecodeError as exc:
            raise ParseError(f"The body is not UTF-8: byte {exc.start} can't be read.") from exc
        except ValueError as exc:
            raise ParseError(f"The body is not JSON: {exc}.") from exc
        except RecursionError as exc:
            raise ParseError(f"The body is nested deeper than {MAX_DEPTH}.") from exc


class MergePatchParser(JSONParser):
    """`application/merge-patch+json` (RFC 7396)."""

    media_type = "application/merge-patch+json"


def read_json(text: str) -> Any:
    """The value; an object knows every fault in it. Raises ValueError, and RecursionError where it is too deep."""
    if text.startswith("\ufeff"):
        raise ValueError("it begins with a byte order mark (BOM)")
    return with_faults(DECODER.decode(text), text)


def with_faults(value: Any, text: str | None = None) -> Any:
    """The same value, in which an object knows every fault. Raises RecursionError as read_json does.

    `text` is the JSON that it was read from.
    """
    if not (text is not None and isinstance(value, Members) and _is_plain(value, text)):
        faults = tuple(_faults(value, "", 1))
        if isinstance(value, Members):
            value.faults = faults
    return value


def _refuse_charset(media_type: str) -> None:
    """RFC 8259 knows UTF-8 alone; a label that says otherwise is a mistake, whatever the bytes are."""
    for parameter in media_type.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "charset" and value.strip('"').lower() not in ("utf-8", "utf8"):
            raise UnsupportedMediaType(media_type, f"JSON is UTF-8; the charset {value} can't be taken.")


def _refuse_coding(media_type: str, context: Mapping[str, Any]) -> None:
    """A body that is packed, or says so, is not unpacked here (RFC 9110, section 8.4)."""
    coding = context["request"].META.get("HTTP_CONTENT_ENCODING", "identity") if "request" in context else "identity"
    if coding.lower() not in ("", "identity"):
        raise UnsupportedMediaType(media_type, f"The body has the content coding {coding}; send it without one.")


def _members(pairs: list[tuple[str, Any]]) -> Members:
    members = Members(pairs)
    if len(members) < len(pairs):
        times = Counter(name for name, _ in pairs)
        members.repeated = tuple(name for name in members if times[name] > 1)
    return members


def _is_plain(members: Members, text: str) -> bool:
    """Whether it is flat and without escapes, as most bodies are: only by one of these can a fault be in it."""
    if members.repeated or "\\u" in text:
        return False
    return all(
        type(value) in SCALARS or (type(value) is list and all(type(inner) is str for inner in value))
        for value in members.values()
    )


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= 20 else math.inf  # no member takes more; Python itself stops at 4,300 digits


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


# For values that stand in a longer text; each then goes through with_faults.
DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_int=_integer, parse_constant=_refuse_constant)
SCALARS = (str, bool, int, type(None))


def _faults(value: Any, pointer: str, depth: int) -> Iterator[Fault]:
    if isinstance(value, str):
        yield from _text_faults(value, pointer)
    elif isinstance(value, float) and math.isinf(value):
        yield {"pointer": pointer, "code": "out_of_range", "detail": "The number is too large."}
    elif isinstance(value, (Members, list)):
        if depth > MAX_DEPTH:
            raise RecursionError
        if isinstance(value, Members):
            yield from _name_faults(value, pointer)
        for name, inner in value.items() if isinstance(value, Members) else enumerate(value):
            yield from _faults(inner, pointer_to(pointer, name), depth + 1)


def _name_faults(members: Members, pointer: str) -> Iterator[Fault]:
    for name in members.repeated:
        yield {"pointer": pointer_to(pointer, name), "code": "repeated", "detail": "The member is given twice."}
    for name in members:
        yield from _text_faults(name, pointer_to(pointer, name))


def _text_faults(text: str, pointer: str) -> Iterator[Fault]:
    if "\x00" in text:
        detail = "It holds a NUL character, which no text may."
        yield {"pointer": pointer, "code": "null_characters_not_allowed", "detail": detail}
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        detail = "It holds half of a surrogate pair, which is no character."
        yield {"pointer": pointer, "code": "surrogate_characters_not_allowed", "detail": detail}
