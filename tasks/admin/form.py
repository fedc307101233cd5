"""The form of a task for staff, which refuses to overwrite what changed since it was opened."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.html import format_html

from tasks.admin.history import by, shown, version_of
from tasks.history.models import Change
from tasks.models import DESCRIPTION_LENGTH

MEMBERS = ("title", "description", "completed", "due_date", "tags")
STALE = "Nothing was saved: the task was changed after you opened it. Save again if this is what you want."


class DescriptionField(forms.CharField):
    """A text as it was written: browsers send CRLF for each line break, and an empty box for null."""

    widget = forms.Textarea

    def __init__(self) -> None:
        super().__init__(required=False, strip=False, empty_value=None, max_length=DESCRIPTION_LENGTH)

    def clean(self, value: Any) -> str | None:
        text: str | None = super().clean(value.replace("\r\n", "\n") if value else value)
        return text

    def has_changed(self, initial: str | None, data: str | None) -> bool:
        return (initial or "").replace("\r\n", "\n") != (data or "").replace("\r\n", "\n")


class VersionField(forms.CharField):
    """The version of the task that the form was opened at; nothing to edit."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class TaskForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no generics here at run time
    """A form of an existing task also carries its members as they were when it was opened (show_hidden_initial).

    So "edited" means by staff, whatever has become of the task since.
    """

    description = DescriptionField()
    version = VersionField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["version"] = version_of(self.instance)
            for name in MEMBERS & self.fields.keys():
                self.fields[name].show_hidden_initial = True

    def clean(self) -> dict[str, Any] | None:
        """The instance is the row as it is now, locked by TaskAdmin.get_object until the form is saved or refused."""
        cleaned = super().clean()
        if self.instance.pk and self.changed_data and self.data.get("version") != self.initial["version"]:
            self._renew()
            self.add_error(None, STALE)
        return cleaned

    def _renew(self) -> None:
        """Put the form on the current version: it keeps what staff edited, and says what changed meanwhile."""
        data: QueryDict = self.data.copy()  # type: ignore[attr-defined]  # Django's stub knows a Mapping alone
        data["version"] = self.initial["version"]
        for name in MEMBERS:
            opened, now = as_sent(data.getlist(f"initial-{name}")), as_sent(self._now(name))
            edited = name in self.changed_data and as_sent(data.getlist(name)) != opened
            data.setlist(f"initial-{name}", now)
            if not edited:
                data.setlist(name, now)
                self.errors.pop(name, None)
            if opened != now:
                self.add_error(name, self._note(name, edited=edited))
        self.data = data

    def _now(self, name: str) -> list[Any]:
        value = self.fields[name].prepare_value(self[name].initial)
        return value if isinstance(value, list) else [value]

    def _note(self, name: str, *, edited: bool) -> str:
        value = self.instance.tag_names() if name == "tags" else getattr(self.instance, name)
        change = Change.objects.filter(task_id=self.instance.pk, new__has_key=name).first()
        return format_html(
            "Changed meanwhile{}. {} It is now: {}",
            f" {by(change)}" if change else "",
            "Below is your own entry." if edited else "You had not edited it, so the new value is below.",
            shown(value),
        )


def as_sent(values: list[Any]) -> list[str]:
    """What a browser sends for these values, line breaks aside."""
    return sorted("" if value is None else str(value).replace("\r\n", "\n") for value in values)
