"""Serializer fields that accept one JSON type and convert nothing. Filters read query parameters with them too.

`schema` is what the OpenAPI document says about a field.
"""

import datetime
import re
from typing import Any

from django.db.models import BigIntegerField
from rest_framework import serializers

from config.text import CONTROLS, HIDDEN, VISIBLE, folded

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# RFC 3339 with capital letters and at most microseconds, which is the precision of PostgreSQL.
LOCAL_TIME = rf"{DATE.pattern}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{{1,6}})?"
OFFSET = r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
DATE_TIME = re.compile(f"(?P<local>{LOCAL_TIME})(?P<offset>{OFFSET})?")
EDGES = ("0001-01-01", "9999-12-31")  # the days on which an offset could lead out of the calendar
BIGINT_MAX = BigIntegerField.MAX_BIGINT
Schema = dict[str, Any]


class StrictField:
    def schema(self, direction: str) -> Schema:
        """For a "request" or a "response". It has no example: the docs page would send the examples of all filters."""
        raise NotImplementedError


class CharField(StrictField, serializers.CharField):
    """Accepts only a string; DRF's field converts numbers."""

    default_error_messages = {
        "invalid": "Must be a string.",
        "null": "Must be a string.",
        "blank": "Must not be blank.",
        "max_length": "Must be at most {max_length:,} characters; this has {length:,}.",
    }
    max_length: int

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)
        # The JSON parser reports NUL and surrogates with their place; DRF would check every character again.
        self.validators = []

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = data.strip() if self.trim_whitespace else data
        if len(text) > self.max_length:
            self.fail("max_length", max_length=self.max_length, length=len(text))
        return text

    def schema(self, direction: str) -> Schema:
        """Descriptions tell about whitespace and NUL: no pattern for them means the same in every language."""
        least = {"minLength": 1} if direction == "request" and not self.allow_blank else {}
        return {"type": "string", **least, "maxLength": self.max_length}


class LineField(CharField):
    """One line in which something can be seen. A name (`is_name`) has no invisible characters either."""

    default_error_messages = {
        "blank": "Must contain a visible character.",
        "control_character": "Must be one line, without line breaks and other control characters.",
        "invisible": "Must not contain the invisible character {character}.",
    }

    def __init__(self, *, is_name: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.is_name = is_name

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not VISIBLE.search(text):
            self.fail("blank")
        if CONTROLS.search(text):
            self.fail("control_character")
        if self.is_name and (found := HIDDEN.search(text)):
            self.fail("invisible", character=f"U+{ord(found[0]):04X}")
        return text


class NamesField(StrictField, serializers.ListField):
    """A list of names without duplicates: two that differ only in case or in their Unicode form are the same name."""

    default_error_messages = {
        "not_a_list": "Must be an array of strings.",
        "null": "Must be an array of strings.",
        "max_length": "Must have at most {max_length:,} items; this has {length:,}.",
        "duplicate": 'Duplicate name "{name}": names that differ only in case or in Unicode form are the same.',
    }
    child: Any  # a StrictField

    def to_internal_value(self, data: Any) -> list[str]:
        if isinstance(data, list) and self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length, length=len(data))  # before it checks all of 500,000
        names: list[str] = super().to_internal_value(data)
        seen: set[str] = set()
        for place, name in enumerate(names):
            key = folded(name)
            if key in seen:
                detail = self.error_messages["duplicate"].format(name=name)
                raise serializers.ValidationError({str(place): [detail]}, code="duplicate")
            seen.add(key)
        return names

    def schema(self, direction: str) -> Schema:
        items = self.child.schema(direction)
        return {"type": "array", "items": items, "maxItems": self.max_length, "uniqueItems": True}


class BooleanField(StrictField, serializers.BooleanField):
    """Accepts only true and false; DRF's field accepts "yes", "t" and 1 too."""

    default_error_messages = dict.fromkeys(("invalid", "null"), "Must be true or false.")

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data

    def schema(self, direction: str) -> Schema:
        return {"type": "boolean"}


class IntegerField(StrictField, serializers.IntegerField):
    """Accepts an integer; 3.0 is one too (JSON Schema Validation, section 6.1.1). DRF's field accepts "3" too."""

    def __init__(self, *, min_value: int, max_value: int, **kwargs: Any) -> None:
        detail = f"Must be an integer from {min_value} to {max_value}."
        messages: dict[str, Any] = dict.fromkeys(("invalid", "null", "min_value", "max_value"), detail)
        super().__init__(min_value=min_value, max_value=max_value, error_messages=messages, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not (isinstance(data, int) or (isinstance(data, float) and data.is_integer())):
            self.fail("invalid")
        return int(data)

    def schema(self, direction: str) -> Schema:
        if self.max_value == BIGINT_MAX:  # as a maximum, JavaScript would round it
            return {"type": "integer", "format": "int64", "minimum": self.min_value}
        return {"type": "integer", "format": "int32", "minimum": self.min_value, "maximum": self.max_value}


class DateField(StrictField, serializers.DateField):
    """Accepts a date as YYYY-MM-DD (RFC 3339 full-date); Python's parser accepts other forms of ISO 8601 too."""

    default_error_messages = dict.fromkeys(("invalid", "null"), "Expected a date such as 2026-11-22.")

    def to_internal_value(self, value: Any) -> datetime.date:
        if not (isinstance(value, str) and DATE.fullmatch(value)):
            self.fail("invalid")
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            raise serializers.ValidationError(f"The date {value} does not exist.", "invalid") from None

    def schema(self, direction: str) -> Schema:
        return {"type": "string", "format": "date", "description": "From 0001-01-01 to 9999-12-31."}


class DateTimeField(StrictField, serializers.DateTimeField):
    """Accepts a date-time with an offset and returns it in UTC: PostgreSQL accepts no offset above 15:59."""

    default_error_messages = dict.fromkeys(("invalid", "null"), "Expected a date-time such as 2026-11-22T09:30:00Z.")

    def to_internal_value(self, value: Any) -> datetime.datetime:
        parts = DATE_TIME.fullmatch(value) if isinstance(value, str) else None
        if not parts or not parts["offset"]:
            self.fail("invalid")
        try:
            return datetime.datetime.fromisoformat(parts[0]).astimezone(datetime.UTC)
        except (ValueError, OverflowError):
            raise serializers.ValidationError(f"The date-time {value} does not exist.", "invalid") from None

    def schema(self, direction: str) -> Schema:
        text = f"From year 1 to 9999. On the first and the last day of the calendar ({' and '.join(EDGES)}), use `Z`."
        return {"type": "string", "format": "date-time", "pattern": f"^{LOCAL_TIME}{OFFSET}$", "description": text}
