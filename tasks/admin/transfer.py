"""Import and export for staff: the same as the commands, with a preview."""

import io
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
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
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

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


class TransferPages(admin.ModelAdmin):  # type: ignore[type-arg]  # Django has no generics here at run time
    def get_urls(self) -> list[URLPattern]:
        def view(route: str, function: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(function), name=f"tasks_task_{name}")

        return [
            view("import/", self.import_view, "import"),
            view("import/preview/", self.preview_view, "import_preview"),
            view("import/bad/", self.bad_view, "import_bad"),
            view("export/", self.export_view, "export"),
            view("export/<str:file_format>/", self.download_view, "export_download"),
            *super().get_urls(),
        ]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        self._may_import(request)
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            values = {"name": file.name, "content": file.read(), "at": timezone.now()}
            Upload.objects.update_or_create(user_id=str(request.user.pk), defaults=values)
            return HttpResponseRedirect(reverse("admin:tasks_task_import_preview"))
        return self._transfer_page(request, "import", {"title": "Import tasks", "form": form, "columns": COLUMNS})

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """What would be made. A POST makes it, if it is still what the page showed."""
        self._may_import(request)
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
            self.message_user(request, "Nothing was imported: another import is under way.", messages.ERROR)
            return HttpResponseRedirect(request.path)
        if as_shown:
            self.message_user(request, f"Tasks imported: {done:,}.", messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:tasks_task_changelist"))
        if request.method == "POST":
            self.message_user(
                request, "Nothing was imported: things changed. See below what it would be now.", messages.ERROR
            )
        return self._transfer_page(request, "import_preview", {"title": "Import tasks: preview", "preview": preview})

    def bad_view(self, request: HttpRequest) -> HttpResponse:
        """The bad rows as a file."""
        self._may_import(request)
        upload, text = self._upload(request), io.StringIO()
        with transaction.atomic():
            Preview(upload, text).look()
        return HttpResponse(text.getvalue(), headers=download_headers("bad-rows", format_of(upload.name) or ""))

    def export_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {"title": "Export tasks", "formats": FORMATS, "query": request.GET.urlencode()}
        return self._transfer_page(request, "export", context)

    def download_view(self, request: HttpRequest, file_format: str) -> HttpResponseBase:
        """The tasks of the list, filtered as the query says."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if file_format not in FORMATS:
            raise Http404
        try:
            tasks = self.get_changelist_instance(request).queryset if request.GET else None
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{reverse('admin:tasks_task_changelist')}?e=1")
        return file_of(file_format, tasks)

    def _may_import(self, request: HttpRequest) -> None:
        if not self.has_add_permission(request):
            raise PermissionDenied

    def _upload(self, request: HttpRequest) -> Upload:
        upload = Upload.objects.filter(user_id=str(request.user.pk)).first()
        if upload is None:
            raise Http404
        return upload

    def _transfer_page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
        request.current_app = self.admin_site.name
        context = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        return TemplateResponse(request, f"admin/tasks/task/{template}.html", context)


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
