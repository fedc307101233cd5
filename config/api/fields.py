"""Serializer fields and a serializer that take JSON types as documented and convert nothing."""

import datetime
import difflib
import re
from functools import cache, cached_property
from typing import Any, Self

from django.core.validators import ProhibitNullCharactersValidator
from rest_framework import serializers
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from config.api.errors import MAX_FAULTS, Fault, InvalidBody, flat_faults, pointer_to
from config.api.parsers import Members
from config.postgresql.case import case_folded

READ = (ProhibitNullCharactersValidator, ProhibitSurrogateCharactersValidator)
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
DATE_SCHEMA = {"type": "string", "format": "date", "pattern": "^(?!0000)"}  # RFC 3339 has a year 0, Python has not
# For a class in a pattern: what str.strip removes. `\s` means something else in each dialect of regular expressions.
BLANK = r"\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


class StrictSerializer(serializers.ModelSerializer[Any]):
    """A member that is not a field of it is an error; one that is read-only is ignored, so GET, edit, PATCH works."""

    @classmethod
    @cache
    def shared(cls, *, partial: bool = False) -> Self:
        """The one of this process: its fields are built once, and a validation leaves nothing behind."""
        return cls(partial=partial)

    @cached_property
    def writable(self) -> dict[str, Any]:
        return {name: field for name, field in self.fields.items() if not field.read_only}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """As DRF does it, for fields none of which has a source of its own or a validator in its serializer."""
        if not isinstance(data, dict):
            values: dict[str, Any] = super().to_internal_value(data)  # which raises
            return values
        values, errors = {}, {}
        for name, field in self.writable.items():
            if name not in data and self.partial:
                continue
            try:
                values[name] = field.run_validation(data.get(name, serializers.empty))
            except serializers.ValidationError as exc:
                errors[name] = exc.detail
        if errors:
            raise serializers.ValidationError(errors)
        return values

    def run_validators(self, value: Any) -> None:
        """There are none of the whole; DRF would copy the values for them."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Every fault at once: of the values, of the names, and what the parser found in the text."""
        found: list[Fault] = []
        try:
            values = super().run_validation(data)
        except serializers.ValidationError as exc:
            found = list(flat_faults(exc.get_full_details()))
        if isinstance(data, Members):
            places = {fault["pointer"] for fault in found}
            found += [fault for fault in data.faults if fault["pointer"] not in places and not self._ignored(fault)]
            unknown = [name for name in data if name not in self.fields]
            found += map(self._unknown, unknown[: MAX_FAULTS + 1])  # what looks for near misses takes its time
        if found:
            raise InvalidBody(found)
        return values

    def _ignored(self, fault: Fault) -> bool:
        """Whether it is in the value of a member that is not read; a member that came twice is a mistake anywhere."""
        field = self.fields.get(fault["pointer"].split("/")[1])
        return field is not None and field.read_only and fault["code"] != "repeated"

    def _unknown(self, name: str) -> Fault:
        near = difflib.get_close_matches(name, self.fields, n=1)
        right = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(self.fields)}."
        return {"pointer": pointer_to("", name), "code": "unknown", "detail": f"Not a member here. {right}"}


class CharField(serializers.CharField):
    """Takes a string and nothing else; DRF's converts numbers."""

    default_error_messages = {"invalid": "Put a string."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # The reader of JSON has told of it, with its place; DRF's looks at each character of each text.
        self.validators = [each for each in self.validators if not isinstance(each, READ)]

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class NamesField(serializers.ListField):
    """A list of names in which none is twice, whatever its capitals."""

    def to_internal_value(self, data: Any) -> list[str]:
        if isinstance(data, list) and self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)  # before it looks at each of 500,000
        names: list[str] = super().to_internal_value(data)
        seen: set[str] = set()
        for place, name in enumerate(names):
            key = case_folded(name)
            if key in seen:
                detail = f"{name!r} is in the list twice; capitals make no difference."
                raise serializers.ValidationError({str(place): [detail]}, code="duplicate")
            seen.add(key)
        return names


class BooleanField(serializers.BooleanField):
    """Takes true and false; DRF's takes "yes", "t" and 1 as well."""

    default_error_messages = {"invalid": "Put true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class IntegerField(serializers.IntegerField):
    """Takes an integer; DRF's takes "3" and 3.0 as well."""

    default_error_messages = {"invalid": "Must be an integer."}

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class DateField(serializers.DateField):
    """Takes a day as YYYY-MM-DD (RFC 3339 full-date); Python's parser takes other forms of ISO 8601 as well."""

    default_error_messages = {"invalid": "Put a date like 2026-11-22."}

    def to_internal_value(self, value: Any) -> datetime.date:
        if not (isinstance(value, str) and DATE.fullmatch(value)):
            self.fail("invalid")
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            self.fail("invalid")
