"""Which package may import which."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import ROOT

FILES = [file for room in ("config", "tasks") for file in sorted((ROOT / room).rglob("*.py"))]
# Importing package, forbidden import, and reason.
CLOSED = {
    ("config", "tasks"): "the shell would be the same if the service kept invoices; its urls include tasks by name",
    ("config.postgresql", "config.api"): "the database knows no HTTP",
    ("config.postgresql.embedded", "config.settings"): "it knows nothing of the service",
    ("tasks.models", "config.api"): "models know no HTTP",
    ("tasks.rows", "config.api"): "nor do their statements",
    ("tasks.pages", "config.api"): "nor do their statements",
    ("tasks.changes", "config.api"): "nor do their statements",
    ("tasks.history", "config.api"): "nor does the record of changes",
    ("tasks.history", "tasks.admin"): "what is lower knows no page",
    ("tasks.transfer", "tasks.admin"): "what is lower knows no page",
    ("config", "config.management"): "a command is called by people alone",
    ("tasks", "tasks.management"): "a command is called by people alone",
}


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(file: Path) -> Iterator[str]:
    module = module_of(file)
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def is_in(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


@pytest.mark.parametrize(("room", "closed"), CLOSED)
def test_no_module_imports_what_is_above_it(room: str, closed: str) -> None:
    wrong = [
        f"{module_of(file)} imports {name}"
        for file in FILES
        if is_in(module_of(file), room) and not is_in(module_of(file), closed)
        for name in imports_of(file)
        if is_in(name, closed)
    ]
    assert wrong == [], CLOSED[room, closed]


def test_every_package_says_in_its_first_lines_what_lives_there() -> None:
    silent = [
        module_of(file)
        for file in FILES
        if file.name == "__init__.py"
        and file.parent.name not in ("management", "commands", "migrations", "templatetags")
        if not ast.get_docstring(ast.parse(file.read_text()))
    ]
    assert silent == []


def test_no_class_has_the_name_of_another() -> None:
    """Except classes that Django finds by their name."""
    framework = {"Command", "DatabaseWrapper", "Media", "Meta", "Migration"}
    names: dict[str, list[str]] = {}
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef) and node.name not in framework:
                names.setdefault(node.name, []).append(module_of(file))
    assert {name: places for name, places in names.items() if len(places) > 1} == {}
