"""Strict JSON bodies (RFC 8259): one reading finds every error, with its place."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import IO, Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError, UnsupportedMediaType

from config.api.faults import Fault, pointer_to

MAX_DEPTH = 32
# The messages of json.JSONDecodeError in our words.
EXPECTED = {
    "Expecting value": "expected a value",
    "Expecting property name enclosed in double quotes": "expected a field name in double quotes",
    "Expecting ':' delimiter": "expected a colon",
    "Expecting ',' delimiter": "expected a comma or the closing bracket",
    "Extra data": "expected the end of the text",
    "Unterminated string starting at": "expected a closing quote for the string that starts",
    "Invalid control character at": "expected an escape such as \\n for the control character",
    "Invalid \\escape": "expected a valid escape such as \\n or \\u00e9",
    "Invalid \\uXXXX escape": "expected four hexadecimal digits after \\u",
}


class Members(dict[str, Any]):
    """A JSON object, its repeated names and, on the outermost object, every error in the text."""

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
                raise ParseError("The request body is empty: expected a JSON object.")
            return read_json(text)
        except UnicodeDecodeError as exc:
            raise ParseError(f"The request body is not UTF-8: the byte at offset {exc.start:,} is invalid.") from exc
        except json.JSONDecodeError as exc:
            place = f"line {exc.lineno:,}, column {exc.colno:,}"
            end = ", where it ends" if exc.pos >= len(exc.doc.rstrip()) else ""
            raise ParseError(f"The request body is not valid JSON: {expected_by(exc)} at {place}{end}.") from exc
        except ValueError as exc:
            raise ParseError(f"The request body is not valid JSON: {exc}.") from exc
        except RecursionError as exc:
            raise ParseError(f"The request body must be nested at most {MAX_DEPTH} levels deep.") from exc


class MergePatchParser(JSONParser):
    """`application/merge-patch+json` (RFC 7396)."""

    media_type = "application/merge-patch+json"


def read_json(text: str) -> Any:
    """The value; an object has every error in `faults`. Raises ValueError, and RecursionError if nested too deep."""
    if text.startswith("\ufeff"):
        raise ValueError("it begins with a byte order mark (BOM)")
    return with_faults(DECODER.decode(text), text)


def expected_by(exc: json.JSONDecodeError) -> str:
    """What JSON requires at the place of the error, without Python's words."""
    return EXPECTED.get(exc.msg, "invalid syntax")


def with_faults(value: Any, text: str | None = None) -> Any:
    """The same value; an object has every error in `faults`. Raises RecursionError if nested too deep.

    `text` is the JSON that the value was read from.
    """
    if not (text is not None and isinstance(value, Members) and _is_plain(value, text)):
        faults = tuple(_faults(value, "", 1))
        if isinstance(value, Members):
            value.faults = faults
    return value


def _refuse_charset(media_type: str) -> None:
    """JSON is always UTF-8 (RFC 8259, section 8.1), so another charset is a mistake."""
    for parameter in media_type.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "charset" and value.strip('"').lower() not in ("utf-8", "utf8"):
            accepted = media_type.partition(";")[0].strip()
            raise UnsupportedMediaType("", f"JSON must be UTF-8: expected the request header Content-Type: {accepted}.")


def _refuse_coding(media_type: str, context: Mapping[str, Any]) -> None:
    """A compressed body is not accepted (RFC 9110, section 8.4)."""
    coding = context["request"].META.get("HTTP_CONTENT_ENCODING", "identity") if "request" in context else "identity"
    if coding.lower() not in ("", "identity"):
        raise UnsupportedMediaType("", "The request body must not be compressed: send it without Content-Encoding.")


def _members(pairs: list[tuple[str, Any]]) -> Members:
    members = Members(pairs)
    if len(members) < len(pairs):
        times = Counter(name for name, _ in pairs)
        members.repeated = tuple(name for name in members if times[name] > 1)
    return members


def _is_plain(members: Members, text: str) -> bool:
    """Whether it is flat, without escapes and repeated names, as most bodies are: then it has no errors."""
    if members.repeated or "\\u" in text:
        return False
    return all(
        type(value) in SCALARS or (type(value) is list and all(type(inner) is str for inner in value))
        for value in members.values()
    )


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= 20 else math.inf  # no field accepts more; Python itself raises at 4,300 digits


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


# For a value inside a longer text; pass the result to with_faults.
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
        yield {"pointer": pointer_to(pointer, name), "code": "repeated", "detail": "Must be given only once."}
    for name in members:
        yield from _text_faults(name, pointer_to(pointer, name))


def _text_faults(text: str, pointer: str) -> Iterator[Fault]:
    if "\x00" in text:
        detail = "Must not contain a NUL character (U+0000)."
        yield {"pointer": pointer, "code": "null_characters_not_allowed", "detail": detail}
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        detail = "Must not contain half of a surrogate pair (U+D800 to U+DFFF)."
        yield {"pointer": pointer, "code": "surrogate_characters_not_allowed", "detail": detail}
