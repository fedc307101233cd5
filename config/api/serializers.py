"""A serializer that ignores nothing."""

from functools import cache, cached_property
from typing import Any, Self

from rest_framework import serializers

from config.api.errors import InvalidBody
from config.api.faults import MAX_FAULTS, Fault, flat_faults, pointer_to, unknown
from config.api.parsers import Members


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
            return dict(super().to_internal_value(data))  # which raises
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
            names = [name for name in data if name not in self.fields]
            # What looks for near misses takes its time.
            found += [
                {"pointer": pointer_to("", name), **unknown("member", name, self.fields)}
                for name in names[: MAX_FAULTS + 1]
            ]
        if found:
            raise InvalidBody(found)
        return values

    def _ignored(self, fault: Fault) -> bool:
        """Whether it is in the value of a member that is not read; a member that came twice is a mistake anywhere."""
        field = self.fields.get(fault["pointer"].split("/")[1])
        return field is not None and field.read_only and fault["code"] != "repeated"
