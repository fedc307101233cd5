"""Serializer fields and a serializer that take JSON types as documented and convert nothing."""

import datetime
import re
from typing import Any, cast

from rest_framework import serializers

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class StrictSerializer(serializers.ModelSerializer[Any]):
    """A member that is not a field of it is an error; one that is read-only is ignored, so GET, edit, PATCH works."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            return super().to_internal_value(data)  # which says that it must be an object
        unknown = {name: [self._not_a_member()] for name in data if name not in self.fields}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as exc:
            unknown |= cast("dict[str, Any]", exc.detail)
        if unknown:
            raise serializers.ValidationError(unknown)
        return values

    def _not_a_member(self) -> serializers.ErrorDetail:
        return serializers.ErrorDetail(f"Not a member here. Known are {', '.join(self.fields)}.", code="unknown")


class CharField(serializers.CharField):
    """Takes a string and nothing else; DRF's converts numbers."""

    default_error_messages = {"invalid": "Put a string."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class BooleanField(serializers.BooleanField):
    """Takes true and false; DRF's takes "yes", "t" and 1 as well."""

    default_error_messages = {"invalid": "Put true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
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
