"""Query parameters: a serializer field reads each; an unknown or repeated name is an error."""

import datetime
import re
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from rest_framework import serializers

from config.api.faults import Fault, flat_faults, unknown
from config.api.fields import (
    DATE_TIME,
    EDGES,
    BooleanField,
    CharField,
    DateTimeField,
    IntegerField,
    Schema,
    StrictField,
)

Fields = Mapping[str, Any]  # serializer fields by the names of the parameters that they read
WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
BOOLEANS = {"true": True, "false": False}
FIELD_CODES = {"min_value": "out_of_range", "max_value": "out_of_range"}  # codes of fields, renamed for a parameter


def read(query: QueryDict, fields: Fields) -> tuple[dict[str, Any], list[Fault]]:
    """The valid values, and all errors. A parameter without a field is unknown."""
    values: dict[str, Any] = {}
    faults: list[Fault] = [
        {"parameter": name, **unknown("query parameter", name, sorted(fields))} for name in query if name not in fields
    ]
    faults += [
        {
            "parameter": name,
            "code": "repeated",
            "detail": f"Must be given only once; this request has it {len(texts):,} times.",
        }
        for name, texts in query.lists()
        if len(texts) > 1 and not isinstance(fields.get(name), RepeatedField)
    ]
    for name, field in fields.items():
        if fault := unreadable(query.getlist(name)):
            faults.append({"parameter": name, **fault})
        elif name in query:
            try:
                values[name] = field.run_validation(spelled(query, name, field))
            except serializers.ValidationError as exc:
                for fault in flat_faults(exc.get_full_details()):
                    code = FIELD_CODES.get(fault["code"], fault["code"])
                    faults.append({"parameter": name, "code": code, "detail": fault["detail"]})
    return values, faults


def unreadable(texts: list[str]) -> Fault | None:
    """What the JSON parser reports in a body: Django decodes a query string that is not UTF-8 to U+FFFD."""
    if any("\x00" in text for text in texts):
        return {"code": "null_character", "detail": "Must not contain a NUL character (U+0000)."}
    if any("\ufffd" in text for text in texts):
        return {"code": "not_utf8", "detail": "Must be UTF-8, without the replacement character U+FFFD."}
    return None


def spelled(query: QueryDict, name: str, field: Any) -> Any:
    """The value for the field: booleans and integers are spelled as in JSON, everything else is a text."""
    if isinstance(field, RepeatedField):
        return query.getlist(name)
    text = str(query[name])
    if isinstance(field, BooleanField):
        return BOOLEANS.get(text, text)
    return int(text) if isinstance(field, IntegerField) and WHOLE_NUMBER.fullmatch(text) else text


def described(fields: Fields) -> list[dict[str, Any]]:
    """The parameters for the OpenAPI document."""
    return [
        {
            "name": name,
            "in": "query",
            "description": field.help_text,
            "schema": field.schema("request")
            | ({} if field.default is serializers.empty else {"default": field.default}),
        }
        for name, field in fields.items()
    ]


class HintedTimeField(DateTimeField):
    """Explains the mistakes with an offset, such as a + that was not encoded."""

    def to_internal_value(self, value: Any) -> datetime.datetime:
        parts = DATE_TIME.fullmatch(value)
        if " " in value and DATE_TIME.fullmatch(value.replace(" ", "+")):
            raise invalid("A + in a query string means a space: write the + of the offset as %2B, or use Z.")
        if parts and not parts["offset"]:
            raise invalid("Must end with an offset: Z, or one such as +01:00, with its + written as %2B.")
        if parts and value.startswith(EDGES) and parts["offset"] != "Z":
            raise invalid(f"Must have the offset Z on {' and '.join(EDGES)}.", "out_of_range")
        return super().to_internal_value(value)


def invalid(detail: str, code: str = "invalid") -> serializers.ValidationError:
    return serializers.ValidationError(detail, code)


class TextField(CharField):
    default_error_messages = {"blank": "Must not be blank: send a text, or leave the parameter out."}

    def schema(self, direction: str) -> Schema:
        return super().schema(direction) | {"description": "Not only whitespace. No NUL (U+0000) and no U+FFFD."}


class RepeatedField(StrictField, serializers.ListField):
    """A query parameter that may be repeated."""

    child: Any  # a StrictField

    default_error_messages = {
        "max_items": "Must be given at most {max_items:,} times; this request has it {items:,} times."
    }

    def __init__(self, *, max_items: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_items = max_items

    def to_internal_value(self, data: list[str]) -> list[str]:
        if len(data) > self.max_items:
            self.fail("max_items", max_items=self.max_items, items=len(data))
        texts: list[str] = super().to_internal_value(data)
        return texts

    def schema(self, direction: str) -> Schema:
        return {"type": "array", "items": self.child.schema(direction), "maxItems": self.max_items}
