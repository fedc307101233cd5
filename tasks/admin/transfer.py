"""Import and export for staff: the same as the commands, with a preview."""

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

from tasks.admin.base import StaffAdmin
from tasks.admin.preview import LARGEST, Preview
from tasks.models import Task
from tasks.transfer import load
from tasks.transfer.dump import dump
from tasks.transfer.formats import FORMATS, format_of
from tasks.transfer.models import Upload
from tasks.transfer.records import COLUMNS

CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl", "json": "application/json"}
ENDING = ".csv, .jsonl, .ndjson or .json, or one of these and .gz"


class UploadForm(forms.Form):
    file = forms.FileField(help_text=f"Up to 10 MB, unpacked too; its name ends in {ENDING}.", max_length=255)

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError("The file is larger than 10 MB: use manage.py import_tasks.")
        if not format_of(file.name):
            raise forms.ValidationError(f"Choose a file whose name ends in {ENDING}.")
        return file


class TransferPages(StaffAdmin):
    def import_view(self, request: HttpRequest) -> HttpResponse:
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            values = {"name": file.name, "content": file.read(), "at": timezone.now()}
            Upload.objects.update_or_create(user_id=str(request.user.pk), defaults=values)
            return HttpResponseRedirect(reverse("admin:tasks_task_import_preview"))
        return self.page(request, "task/import", {"title": "Import tasks", "form": form, "columns": COLUMNS})

    def import_preview_view(self, request: HttpRequest) -> HttpResponse:
        """What would be made. A POST makes it, if it is still what the page showed."""
        preview = Preview(self._upload(request))
        try:
            # Durable: a savepoint would give the tasks another xmin, and the touch trigger work to do.
            with transaction.atomic(durable=True):
                if request.method == "POST":
                    load.lock()
                preview.look(keep=request.method == "POST")
                as_shown = bool(preview.outcome) and request.POST.get("version") == preview.version
                if as_shown:
                    done = sum(load.write())
                    preview.upload.delete()
        except load.Busy:
            self.refuse(request, "Nothing was imported: another import is under way.")
            return HttpResponseRedirect(request.path)
        if as_shown:
            self.tell(request, f"Tasks imported: {done:,}.")
            return HttpResponseRedirect(reverse("admin:tasks_task_changelist"))
        if request.method == "POST":
            self.refuse(request, "Nothing was imported: things changed. See below what it would be now.")
        return self.page(request, "task/import_preview", {"title": "Import tasks: preview", "preview": preview})

    def import_bad_view(self, request: HttpRequest) -> HttpResponse:
        """The bad rows as a file."""
        upload, text = self._upload(request), io.StringIO()
        with transaction.atomic():
            Preview(upload, text).look()
        return HttpResponse(text.getvalue(), headers=download_headers("bad-rows", format_of(upload.name) or ""))

    def export_view(self, request: HttpRequest) -> HttpResponse:
        context = {"title": "Export tasks", "formats": FORMATS, "query": request.GET.urlencode()}
        return self.page(request, "task/export", context)

    def export_download_view(self, request: HttpRequest, file_format: str) -> HttpResponseBase:
        """The tasks of the list, filtered as the query says."""
        if file_format not in FORMATS:
            raise Http404
        try:
            tasks = self.get_changelist_instance(request).queryset if request.GET else None
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{reverse('admin:tasks_task_changelist')}?e=1")
        return file_of(file_format, tasks)

    def _upload(self, request: HttpRequest) -> Upload:
        return get_object_or_404(Upload, user_id=str(request.user.pk))


def file_of(file_format: str, tasks: QuerySet[Task] | None) -> StreamingHttpResponse:
    """All tasks, or those of a queryset, as a download."""
    return StreamingHttpResponse(blocks(dump(file_format, tasks)), headers=download_headers("tasks", file_format))


def blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Fewer and larger: each is written to the network on its own."""
    while block := b"".join(islice(pieces, 500)):
        yield block


def download_headers(name: str, file_format: str) -> dict[str, str]:
    disposition = f'attachment; filename="{name}-{timezone.now():%Y-%m-%d}.{file_format}"'
    return {"Content-Type": CONTENT_TYPES[file_format], "Content-Disposition": disposition}
