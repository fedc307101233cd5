"""Holds an answer under /tasks against the OpenAPI document: status, media type, headers, members."""

import datetime
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.servers import ROOT

# On every answer of every path: HTTP's own, and Django's security headers.
GENERAL = {
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "cross-origin-opener-policy",
    "date",
    "referrer-policy",
    "server",
    "strict-transport-security",
    "vary",
    "x-content-type-options",
    "x-frame-options",
    "x-request-id",
}


FORMATS = FormatChecker()
# Words of Python, Django, DRF and gunicorn.
FOREIGN = re.compile(
    r"""type "|codec|Expecting|Members|object at 0x|: b'|\(char |settings\.[A-Z]|Invalid HTTP|field may"""
)
SENTENCES = re.compile(r"[A-Z].{8,198}[.?]", re.DOTALL)


@FORMATS.checks("date-time", ValueError)
def is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.datetime.fromisoformat(value).tzinfo is not None


@FORMATS.checks("date", ValueError)
def is_day(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.date.fromisoformat(value))


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((ROOT / "openapi.yaml").read_text(), yaml.CSafeLoader)
    return loaded


@cache
def protocol() -> set[int]:
    """The statuses that `default` stands for: it has an example of each."""
    content = document()["components"]["responses"]["ProtocolError"]["content"]["application/problem+json"]
    return {example["value"]["status"] for example in content["examples"].values()}


@cache
def validator(reference: str) -> Draft202012Validator:
    """Of the schema at `reference`, a JSON Pointer into the document."""
    registry: Registry[Any] = Registry().with_resource("urn:document", DRAFT202012.create_resource(document()))
    return Draft202012Validator(
        {"$ref": f"urn:document#{reference}"},
        registry=registry,
        format_checker=FORMATS,
    )


def template_of(path: str) -> str | None:
    """The document's path, or None where no task can be."""
    if path in ("/tasks", "/tasks/"):
        return "/tasks/"
    if path in ("/tasks/changes", "/tasks/changes/"):
        return "/tasks/changes"
    found = re.fullmatch(r"/tasks/([1-9][0-9]{0,18})/?", path)
    return "/tasks/{id}" if found and int(found[1]) < 2**63 else None


def check(method: str, path: str, status: int, headers: Mapping[str, str], content: bytes) -> None:
    """Fail where the answer is not one that the document describes."""
    template, names = template_of(path), {name.lower(): value for name, value in headers.items()}
    operations = document()["paths"].get(template, {})
    operation = operations.get("get" if method == "HEAD" else method.lower())
    if template is None:
        assert status == 404, f"{status} where no task can be: {path}"
        responses, pointer = document()["components"]["responses"], "/components/responses/NotFound"
        response = responses["NotFound"]
    elif operation is None:
        assert status in (204 if method == "OPTIONS" else 405, 400), f"{method} {path} answered {status}"
        assert status == 400 or "allow" in names
        return
    else:
        listed = str(status) if str(status) in operation["responses"] else "default"
        assert listed != "default" or status in protocol(), f"{method} {template} does not document {status}"
        pointer = f"/paths/{template.replace('/', '~1')}/{method.lower()}/responses/{listed}"
        response = operation["responses"][listed]
        if "$ref" in response:
            pointer = response["$ref"].removeprefix("#")
            response = document()["components"]["responses"][pointer.rpartition("/")[2]]
    documented = {name.lower() for name in response.get("headers", {})}
    undocumented = names.keys() - GENERAL - documented
    assert not undocumented, f"{method} {template} {status} has undocumented headers: {undocumented}"
    if method != "HEAD":
        check_content(response, pointer, names.get("content-type", ""), content)


def check_content(response: dict[str, Any], pointer: str, content_type: str, content: bytes) -> None:
    if "content" not in response:
        assert content == b""
        return
    assert content_type in response["content"], f"undocumented media type {content_type!r}"
    reference = f"{pointer}/content/{content_type.replace('/', '~1')}/schema"
    faults = [error.message for error in validator(reference).iter_errors(json.loads(content))]
    assert not faults, faults
    if content_type == "application/problem+json":
        check_words(json.loads(content))


def check_words(problem: Mapping[str, Any]) -> None:
    """Every `detail` is made of short sentences of ours. The contract has one that is none: "Task not found"."""
    for detail in (each["detail"] for each in (problem, *problem.get("errors", ()))):
        assert SENTENCES.fullmatch(detail) or detail == "Task not found", detail
        assert not FOREIGN.search(detail), detail
