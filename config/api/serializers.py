"""A serializer that ignores nothing."""

from functools import cache, cached_property
from typing import Any, Self

from rest_framework import serializers

from config.api.errors import InvalidBody
from config.api.faults import MAX_FAULTS, Fault, flat_faults, pointer_to, unknown
from config.api.parsers import Members


class StrictSerializer(serializers.ModelSerializer[Any]):
    """An unknown field is an error; a read-only one is ignored, so that a client can GET, edit and PATCH.

    Fields here have no `source` of their own, and validators only on the fields.
    """

    default_error_messages = dict.fromkeys(("invalid", "null"), "The request body must be a JSON object.")

    @classmethod
    @cache
    def shared(cls, *, partial: bool = False) -> Self:
        """The one instance of this process: it builds its fields once, and validation does not change it."""
        return cls(partial=partial)

    @cached_property
    def writable(self) -> dict[str, Any]:
        return {name: field for name, field in self.fields.items() if not field.read_only}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The same as DRF's, but faster: see the class."""
        if not isinstance(data, dict):
            return dict(super().to_internal_value(data))  # raises
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
        """There are no validators of the whole; DRF would copy the values for them."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Reports all errors at once: those of values and names, and those that the parser found in the text."""
        found: list[Fault] = []
        try:
            values = super().run_validation(data)
        except serializers.ValidationError as exc:
            found = list(flat_faults(exc.get_full_details()))
        if isinstance(data, Members):
            places = {fault["pointer"] for fault in found}
            found += [fault for fault in data.faults if fault["pointer"] not in places and not self._ignored(fault)]
            names = [name for name in data if name not in self.fields]
            # Looking for similar names is slow.
            found += [
                {"pointer": pointer_to("", name), **unknown("field", name, self.writable)}
                for name in names[: MAX_FAULTS + 1]
            ]
        if found:
            raise InvalidBody(found)
        return values

    def _ignored(self, fault: Fault) -> bool:
        """Whether it is inside the value of a read-only field. A repeated name is an error everywhere."""
        field = self.fields.get(fault["pointer"].split("/")[1])
        return field is not None and field.read_only and fault["code"] != "repeated"
