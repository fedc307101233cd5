"""The import and export pages. They do what the commands do; an import also has a preview."""

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django import forms
from django.contrib.admin.options import IncorrectLookupParameters
from django.db import transaction
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from config.pages.confirmation import count_of
from tasks.admin.base import StaffAdmin
from tasks.admin.patience import TooSlow, patience
from tasks.admin.preview import LARGEST, MOST_ROWS, MOST_TAGS, Preview
from tasks.history.undo import undoable_change
from tasks.models import Task
from tasks.transfer import load
from tasks.transfer.csv_rows import SAFE, cell_of
from tasks.transfer.dump import dump
from tasks.transfer.formats import FORMATS, format_of
from tasks.transfer.models import Upload
from tasks.transfer.records import COLUMNS

SAMPLE: list[dict[str, Any]] = [
    {"title": "Pay rent", "description": "By transfer", "due_date": "2030-01-01", "priority": 1, "tags": ["home"]},
    {"title": "Water the plants", "completed": True, "tags": ["home", "garden"]},
    {"title": "Only the title is required"},
]
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl", "json": "application/json"}
ENDING = ".csv, .jsonl, .ndjson or .json, optionally followed by .gz, or in .zip"
TOO_SLOW = "Try again later, divide the file, or use manage.py import_tasks."


class UploadForm(forms.Form):
    file = forms.FileField(
        help_text=f"At most 10 MB, also after decompression, {MOST_ROWS:,} rows and {MOST_TAGS:,} tags."
        f" The name must end in {ENDING}.",
        max_length=255,
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError("Must be at most 10 MB. Use manage.py import_tasks for a larger file.")
        if not format_of(file.name):
            raise forms.ValidationError(f"The name must end in {ENDING}.")
        return file


class SafeForm(forms.Form):
    spreadsheet_safe = forms.BooleanField(
        required=False,
        initial=True,
        label="Safe to open in a spreadsheet (CSV)",
        help_text="A cell that a spreadsheet would take for a formula gets an apostrophe. An import removes it.",
    )


class TransferPages(StaffAdmin):
    def import_view(self, request: HttpRequest) -> HttpResponse:
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            values = {"name": file.name, "content": file.read(), "at": timezone.now()}
            Upload.objects.update_or_create(user_id=str(request.user.pk), defaults=values)
            return HttpResponseRedirect(reverse("admin:tasks_task_import_preview"))
        return self.page(request, "import", {"title": "Import tasks", "form": form, "columns": COLUMNS})

    def import_preview_view(self, request: HttpRequest) -> HttpResponse:
        """What would be created. A POST creates it, if it is still what the page showed."""
        upload = self._upload(request)
        try:
            # Durable: inside a savepoint the tasks would get another xmin, and the touch trigger would update them.
            with transaction.atomic(durable=True), patience(request) as check:
                preview = Preview(upload, check)
                if request.method == "POST":
                    load.lock()
                preview.look(keep=request.method == "POST")
                as_shown = bool(preview.outcome) and request.POST.get("version") == preview.version
                if as_shown:
                    done = sum(load.write())
                    change = undoable_change()
                    upload.delete()
        except load.Busy:
            self.refuse(request, "Nothing was imported: another import is running. Try again when it has finished.")
            return HttpResponseRedirect(request.path)
        except TooSlow:
            self.refuse(request, f"Nothing was imported: {upload} takes too long here. {TOO_SLOW}")
            return HttpResponseRedirect(reverse("admin:tasks_task_import"))
        if as_shown:
            existing = preview.outcome.existing if preview.outcome else 0
            kept = f" {count_of(existing)} existed already." if existing else ""
            self.tell(request, self.with_undo(request, f"{count_of(done)} imported.{kept}", change))
            created = {"with": change.pk} if change else {}
            return HttpResponseRedirect(f"{reverse('admin:tasks_task_changelist')}?{urlencode(created)}")
        if request.method == "POST":
            self.refuse(request, "Nothing was imported: the file or the tasks have changed. Check the new preview.")
        return self.page(request, "import_preview", {"title": "Preview of the import", "preview": preview})

    def import_sample_view(self, request: HttpRequest) -> HttpResponse:
        """A file that can be imported."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([COLUMNS, *([cell_of(name, task.get(name)) for name in COLUMNS] for task in SAMPLE)])
        return HttpResponse(text.getvalue(), headers=download_headers("sample", "csv"))

    def import_bad_view(self, request: HttpRequest) -> HttpResponse:
        """The invalid rows as a file."""
        upload, text = self._upload(request), io.StringIO()
        try:
            with transaction.atomic(), patience(request) as check:
                reading = Preview(upload, check, text).look().reading
        except TooSlow:
            self.refuse(request, f"The invalid rows of {upload} take too long here. {TOO_SLOW}")
            return HttpResponseRedirect(reverse("admin:tasks_task_import"))
        file_format = reading.file_format if reading else "csv"
        return HttpResponse(text.getvalue(), headers=download_headers("invalid-rows", file_format))

    def export_view(self, request: HttpRequest) -> HttpResponse:
        context = {"title": "Export tasks", "formats": FORMATS, "query": list(request.GET.lists()), "form": SafeForm()}
        return self.page(request, "export", context)

    def export_download_view(self, request: HttpRequest, file_format: str) -> HttpResponseBase:
        """All tasks, or those of the list that the query string filters."""
        if file_format not in FORMATS:
            raise Http404
        query = request.GET.copy()
        safe, everything = query.pop(SAFE, None), query.pop("all", None)
        request.GET = query  # type: ignore[assignment]  # the list would take those two for filters
        try:
            tasks = self.get_changelist_instance(request).queryset if query and not everything else None
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{reverse('admin:tasks_task_changelist')}?e=1")
        return file_of(file_format, tasks, spreadsheet_safe=bool(safe))

    def _upload(self, request: HttpRequest) -> Upload:
        return get_object_or_404(Upload, user_id=str(request.user.pk))


def file_of(file_format: str, tasks: QuerySet[Task] | None, *, spreadsheet_safe: bool = False) -> StreamingHttpResponse:
    """A download of all tasks, or of those in the queryset."""
    pieces = dump(file_format, tasks, spreadsheet_safe=spreadsheet_safe)
    return StreamingHttpResponse(blocks(pieces), headers=download_headers("tasks", file_format))


def blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Joins the pieces into larger ones, because each is a write to the network."""
    while block := b"".join(islice(pieces, 500)):
        yield block


def download_headers(name: str, file_format: str) -> dict[str, str]:
    disposition = f'attachment; filename="{name}-{timezone.now():%Y-%m-%d}.{file_format}"'
    return {"Content-Type": CONTENT_TYPES[file_format], "Content-Disposition": disposition}
