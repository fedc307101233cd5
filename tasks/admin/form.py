"""The form of a task. It refuses to overwrite what someone else updated after it was opened."""

import datetime
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework import serializers

from config.api.faults import flat_faults
from tasks.admin.conflict import Conflict, Difference, chosen
from tasks.admin.history import version_of
from tasks.serializers import TaskSerializer

RULES: dict[str, Any] = TaskSerializer.shared().writable
MEMBERS = tuple(RULES)
TAG_NAME = RULES["tags"].child


class DayInput(forms.DateInput):
    """The browser's own calendar."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, "%Y-%m-%d")


class DescriptionField(forms.CharField):
    """A text whose line breaks and spaces are kept: browsers send CRLF for a line break, and an empty box for null."""

    widget = forms.Textarea

    def __init__(self) -> None:
        super().__init__(required=False, strip=False, empty_value=None)

    def clean(self, value: Any) -> str | None:
        text: str | None = super().clean(value.replace("\r\n", "\n") if value else value)
        return text

    def has_changed(self, initial: str | None, data: str | None) -> bool:
        return (initial or "").replace("\r\n", "\n") != (data or "").replace("\r\n", "\n")


class TaskForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no generics here at run time
    """The form of an existing task also has its values from when it was opened, as hidden inputs (show_hidden_initial).

    So `changed_data` is what this person edited, even if someone else updated the task since.
    """

    description = DescriptionField()
    conflict: Conflict | None = None

    class Meta:
        widgets: ClassVar = {"due_date": DayInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.version = version_of(self.instance) if self.instance.pk else None
        for name in MEMBERS & self.fields.keys() if self.version else ():
            self.fields[name].show_hidden_initial = True
        if self.version and self.is_bound:
            self.data = chosen(self.data)  # type: ignore[arg-type]  # Django's stub says Mapping

    def is_valid(self) -> bool:
        return super().is_valid() and self.conflict is None

    def clean(self) -> dict[str, Any] | None:
        """The instance is the current row, which StaffAdmin.get_object locked until the form is saved or refused."""
        cleaned = super().clean()
        for name in MEMBERS:
            if name in self.changed_data and name in self.cleaned_data:
                self._clean_by_rule(name)
        if self.version and self.changed_data and self.data.get("version") != self.version:
            self._ask()
        return cleaned

    def _clean_by_rule(self, name: str) -> None:
        try:
            self.cleaned_data[name] = by_rule(RULES[name], as_json(self.cleaned_data[name]))
        except ValidationError as exc:
            self.add_error(name, exc)

    def _ask(self) -> None:
        """Bases the form on the current version, with what this person edited."""
        self.conflict = Conflict(self.instance, map(self._difference, MEMBERS))
        for each in self.conflict.differences:
            if not each.is_mine:
                self.errors.pop(each.name, None)
        self.data = self.conflict.renewed(self.data)  # type: ignore[arg-type]  # Django's stub says Mapping

    def _difference(self, name: str) -> Difference:
        field = self.fields[name]
        opened = as_sent(field.hidden_widget().value_from_datadict(self.data, self.files, f"initial-{name}"))
        mine = as_sent(field.widget.value_from_datadict(self.data, self.files, name))
        theirs = as_sent(field.prepare_value(self[name].initial))
        is_edited = name in self.changed_data
        return Difference(
            name, str(self[name].label), opened, mine if is_edited else opened, theirs, name in self.errors
        )

    def _post_clean(self) -> None:
        """Leaves the instance as it is when nothing will be saved: the page names the task."""
        if self.conflict is None:
            super()._post_clean()  # type: ignore[misc]  # not in the stub


def by_rule(rule: "serializers.Field[Any, Any, Any, Any]", value: Any) -> Any:
    """The value as the API validates it. Raises Django's ValidationError with the API's codes and messages."""
    try:
        return rule.run_validation(value)
    except serializers.ValidationError as exc:
        faults = flat_faults(exc.get_full_details())
        raise ValidationError([ValidationError(fault["detail"], fault["code"]) for fault in faults]) from None


def as_json(value: Any) -> Any:
    match value:
        case datetime.date():
            return value.isoformat()
        case QuerySet():
            return [tag.name for tag in value]
    return value


def as_sent(value: Any) -> list[str]:
    """What a browser sends for this value, apart from line breaks."""
    values = value if isinstance(value, list) else [value]
    return sorted("" if each is None else str(each).replace("\r\n", "\n") for each in values)
