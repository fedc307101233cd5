"""DATABASE_URL as libpq reads it: nothing in it is dropped in silence."""

import re
from pathlib import Path
from typing import Any

import pytest

from config.postgresql.parameters import parse_options, startup_options
from config.postgresql.url import connection_settings


@pytest.fixture(autouse=True)
def _no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSERVICE", "")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p%40@h/db", {"USER": "u", "PASSWORD": "p@", "HOST": "h", "PORT": "", "NAME": "db"}),
        ("postgres://h:6432/db", {"HOST": "h", "PORT": "6432"}),
        ("postgresql://a:1,b:2/db", {"HOST": "a,b", "PORT": "1,2"}),
        ("postgresql://a,b:2/db", {"HOST": "a,b", "PORT": ",2"}),
        ("postgresql://[::1]:5433,[fd00::2]/db", {"HOST": "::1,fd00::2", "PORT": "5433,"}),
        ("postgresql://u@%2Frun%2Fpostgresql/db", {"HOST": "/run/postgresql", "USER": "u"}),
        ("postgresql:///db?host=/run&port=1&user=u", {"HOST": "/run", "PORT": "1", "USER": "u", "OPTIONS": {}}),
        (
            "postgresql://a,b/db?target_session_attrs=read-write&connect_timeout=5&application_name=x",
            {"OPTIONS": {"target_session_attrs": "read-write", "connect_timeout": "5", "application_name": "x"}},
        ),
        ("postgresql://h/db?client_encoding=utf8&keepalives_idle=60", {"OPTIONS": {"keepalives_idle": "60"}}),
        (
            "postgresql://h/db?options=-c%20work_mem%3D8MB%20--search-path%3Da%5C%20b",
            {"OPTIONS": {}, "PARAMETERS": {"work_mem": "8MB", "search_path": "a b"}},
        ),
    ],
)
def test_a_url_is_read_as_libpq_reads_it(url: str, expected: dict[str, Any]) -> None:
    found = connection_settings(url)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://h/db?conn_max_age=60", "has the unknown parameter 'conn_max_age'."),
        ("postgresql://u:secret%zz@h/db", "is invalid. Expected postgresql://USER:PASSWORD@HOST:5432/NAME. Escape"),
        ("postgresql://u:secret@h:port/db", "is invalid. Expected"),
        ("postgresql://u:se/cret@h/db", "is invalid. Expected"),
        ("postgresql://a,b,c/db?port=1,2", "is invalid. Expected"),
        ("postgresql://h", "does not name a PostgreSQL database."),
        ("host=h dbname=db", "does not name a PostgreSQL database."),
        ("postgresql://h/db?connect_timeout=soon", "has the invalid connect_timeout 'soon'. Expected a whole number."),
        ("postgresql://h/db?client_encoding=latin1", "must not set client_encoding: it is always UTF8."),
        ("postgresql://h/db?options=-d%205", "has invalid options. Expected parameters such as -c work_mem=8MB."),
    ],
)
def test_what_cannot_be_kept_is_refused(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)) as caught:
        connection_settings(url)
    assert "secret" not in str(caught.value)


def test_a_service_and_the_environment_count_like_the_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "services"
    file.write_text("[tasks]\nhost=h\ndbname=db\nconnect_timeout=7\nkeepalives_idle=60\noptions=-c work_mem=8MB\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    monkeypatch.setenv("PGAPPNAME", "ours")
    found = connection_settings("postgresql:///?service=tasks&connect_timeout=9")
    assert (found["NAME"], found["PARAMETERS"]) == ("", {"work_mem": "8MB"})
    kept = {"service": "tasks", "connect_timeout": "9", "keepalives_idle": "60", "application_name": "ours"}
    assert found["OPTIONS"] == kept


def test_options_survive_the_way_to_postgresql_and_back() -> None:
    parameters = {"search_path": 'a, "b c"', "tasks.path": "c:\\x\n", "work_mem": "8MB", "empty": ""}
    assert parse_options(startup_options(parameters)) == parameters
