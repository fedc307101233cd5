"""The form of a task. It refuses to overwrite what someone else updated after it was opened."""

import datetime
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.html import format_html
from rest_framework import serializers

from config.api.faults import flat_faults
from tasks.admin import conflict
from tasks.admin.history import version_of
from tasks.models import Tag
from tasks.serializers import TaskSerializer

RULES: dict[str, Any] = TaskSerializer.shared().writable
MEMBERS = tuple(RULES)
TAG_NAME = RULES["tags"].child
STALE = (
    "Nothing was saved: someone else updated the task after you opened it. Check the fields below, then save again to"
    ' keep what they show. Or <a href="{}">keep theirs</a> and discard your edits.'
)


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

    class Meta:
        widgets: ClassVar = {"due_date": DayInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.data, QueryDict):
            self.data = conflict.choose(self.data, MEMBERS)
        self.version = version_of(self.instance) if self.instance.pk else None
        for name in MEMBERS & self.fields.keys() if self.version else ():
            self.fields[name].show_hidden_initial = True

    def clean(self) -> dict[str, Any] | None:
        """The instance is the current row, which StaffAdmin.get_object locked until the form is saved or refused."""
        cleaned = super().clean()
        for name in MEMBERS:
            if name in self.changed_data and name in self.cleaned_data:
                self._clean_by_rule(name)
        if self.version and self.changed_data and self.data.get("version") != self.version:
            self._renew()
            self.add_error(None, format_html(STALE, reverse("admin:tasks_task_change", args=[self.instance.pk])))
        return cleaned

    def _clean_by_rule(self, name: str) -> None:
        try:
            self.cleaned_data[name] = by_rule(RULES[name], as_json(self.cleaned_data[name]))
        except ValidationError as exc:
            self.add_error(name, exc)

    def _renew(self) -> None:
        """Bases the form on the current version: it keeps what this person edited, and says what others updated."""
        data: QueryDict = self.data.copy()  # type: ignore[attr-defined]  # Django's stub says Mapping
        for name in MEMBERS:
            opened, mine = (as_sent(data.getlist(key)) for key in (f"initial-{name}", name))
            now = as_sent(self._now(name))
            is_mine = name in self.changed_data and mine not in (opened, now)
            data.setlist(f"initial-{name}", now)
            if not is_mine:
                data.setlist(name, now)
                self.errors.pop(name, None)
            if opened != now:
                self[name].help_text = self._question(name, opened, mine) if is_mine else self._takeover(name)
        self.data = data

    def _now(self, name: str) -> list[Any]:
        value = self.fields[name].prepare_value(self[name].initial)
        return value if isinstance(value, list) else [value]

    def _theirs(self, name: str) -> Any:
        return self.instance.tag_names() if name == "tags" else getattr(self.instance, name)

    def _takeover(self, name: str) -> str:
        return conflict.takeover(self.instance, name, self._theirs(name))

    def _question(self, name: str, opened: list[str], mine: list[str]) -> str:
        values = {conflict.MINE: self.cleaned_data.get(name, ", ".join(mine)), conflict.THEIRS: self._theirs(name)}
        both: list[str] = []
        if name == "tags":
            theirs = as_sent(self._now(name))
            both = conflict.merged(opened, mine, theirs)
            values[conflict.MINE] = names_of(mine)
            if both not in (mine, theirs):
                values[conflict.BOTH] = names_of(both)
        return conflict.question(self.instance, name, values, both)


def names_of(keys: list[str]) -> list[str]:
    """The names of these tags, in the order of Task.tag_names."""
    return sorted(Tag.objects.filter(pk__in=keys).values_list("name", flat=True), key=str.lower)


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


def as_sent(values: list[Any]) -> list[str]:
    """What a browser sends for these values, apart from line breaks."""
    return sorted("" if value is None else str(value).replace("\r\n", "\n") for value in values)
