"""The OpenAPI document and the pages that show it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from pytest_django import Settings

from tests.servers import ROOT


def test_the_committed_document_is_what_the_code_says() -> None:
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    assert (ROOT / "openapi.yaml").read_bytes() == OpenApiYamlRenderer().render(document, renderer_context={})  # type: ignore[no-untyped-call]


def test_the_served_document_is_the_committed_one() -> None:
    served = Client().get("/openapi.json")
    assert served.json() == yaml.safe_load((ROOT / "openapi.yaml").read_text())


@pytest.mark.parametrize("path", ["/", "/redoc"])
def test_the_root_and_the_former_second_page_lead_to_the_docs(path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"]) == (302, "/docs")


@pytest.mark.django_db  # a file that is closed looks after connections
def test_the_docs_page_loads_nothing_from_elsewhere_and_all_that_it_loads_is_there() -> None:
    html = Client().get("/docs").content.decode()
    addresses = [each for each in re.findall(r'(?:src|href)="([^"]+)"', html) if not each.startswith("#")]
    assert addresses
    assert "<script>" not in html
    for address in addresses:
        assert address.startswith("/"), address
        answer = Client().get(address)
        assert answer.status_code == 200
        answer.close()


def test_the_paths_are_the_documented_ones() -> None:
    document = yaml.safe_load(Path(ROOT / "openapi.yaml").read_text())
    operations = {path: sorted(operation for operation in item) for path, item in document["paths"].items()}
    assert operations == {
        "/tasks/": ["get", "post"],
        "/tasks/{id}": ["delete", "get", "patch"],
        "/tasks/changes": ["get"],
        "/health": ["get"],
        "/health/ready": ["get"],
    }


@pytest.mark.parametrize(
    ("setting", "for_all"),
    [("write", ["get", "post", "get", "patch", "delete", "get"]), ("read", ["get", "get", "get"]), ("none", [])],
)
def test_every_operation_declares_who_may_call_it(settings: Settings, setting: str, for_all: list[str]) -> None:
    settings.API_ANONYMOUS = setting
    served = Client().get("/openapi.json").json()
    operations = [
        (path, method, operation) for path, methods in served["paths"].items() for method, operation in methods.items()
    ]
    assert all("security" in operation for *_, operation in operations)
    ours = [(method, operation) for path, method, operation in operations if path.startswith("/tasks")]
    assert all({"token": []} in operation["security"] for _, operation in ours)
    assert [method for method, operation in ours if {} in operation["security"]] == for_all
    assert served["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_the_docs_page_asks_for_a_token_first_and_sends_no_filter_by_itself() -> None:
    """It shows the schemes in their order, and sends a parameter's example where nobody has put a value."""
    document = yaml.safe_load(Path(ROOT / "openapi.yaml").read_text())
    assert list(document["components"]["securitySchemes"]) == ["token", "cookieAuth"]
    parameters = document["paths"]["/tasks/"]["get"]["parameters"]
    assert len(parameters) > 10
    assert not [each["name"] for each in parameters if {"example", "examples"} & (each.keys() | each["schema"].keys())]


def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((ROOT / "openapi.yaml").read_text(), yaml.CSafeLoader)
    return found


def schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema in this part of the document: whatever has a type."""
    if isinstance(node, dict) and isinstance(node.get("type"), str | list):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from schemas(inner)


def patterns() -> set[str]:
    return {schema["pattern"] for schema in schemas(document()) if "pattern" in schema}


def test_every_pattern_means_the_same_in_every_language() -> None:
    """Within what JSON Schema recommends (section 6.4): no lookaround, no backreference, no class that differs."""
    assert patterns()
    for pattern in patterns():
        assert re.fullmatch(r"\^.*\$", pattern), pattern
        assert not re.search(r"\(\?|\\[0-9a-zA-Z]", pattern), pattern


def test_every_integer_has_a_size_and_a_maximum_that_javascript_can_hold() -> None:
    integers = [schema for schema in schemas(document()) if "integer" in schema["type"]]
    assert len(integers) > 5
    for schema in integers:
        assert schema.get("format") in ("int32", "int64"), schema
        assert schema.get("maximum", 0) < 2**31, schema


def test_everything_is_described() -> None:
    parts = document()
    names = parts["components"]["schemas"]
    assert names.keys() == {
        *("Task", "TaskCreate", "TaskUpdate", "TaskPage", "TaskChange", "TaskChangePage"),
        *("Health", "Problem", "ProblemError"),
    }
    described = [*names.values(), *parts["servers"], *parts["tags"], *parts["components"]["securitySchemes"].values()]
    described += [field for schema in names.values() for field in schema["properties"].values()]
    for operation in [operation for path in parts["paths"].values() for operation in path.values()]:
        described += [operation, *operation.get("parameters", ())]
        described += [response for response in operation["responses"].values() if "$ref" not in response]
    assert not [each for each in described if not each.get("description")]


def test_a_request_schema_has_the_read_only_fields_by_name_only() -> None:
    names = document()["components"]["schemas"]
    task = names["Task"]["properties"].keys()
    for name in ("TaskCreate", "TaskUpdate"):
        request = names[name]
        assert request["propertyNames"] == {"enum": list(task)}
        assert task - request["properties"].keys() == {"id", "completed_at", "created_at", "updated_at"}
    assert names["Problem"]["properties"]["current"]["$ref"] == "#/components/schemas/Task"
