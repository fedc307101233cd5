"""The environment: two modes, strict values, one line for what is wrong."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config.environment import Environment
from config.server.secret_key import local_secret_key
from tests.servers import ROOT

DEPLOYMENT = {
    "DATABASE_URL": "postgresql://tasks:pass%20word@db.example.com:6432/work?sslmode=require",
    "SECRET_KEY": "k" * 50,
    "ALLOWED_HOSTS": "tasks.example.com, 10.0.0.7",
}


def variables_in(text: str) -> set[str]:
    return set(re.findall(r"^(?:# )?([A-Z_]+)=", text, re.MULTILINE))


def settings(*expressions: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Print these expressions of the settings, a line each, in a process of its own that has just these variables."""
    program = "; ".join(["from config import settings", *(f"print(settings.{each})" for each in expressions)])
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "COV", "HOME"))}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=kept | variables, capture_output=True, text=True, check=False
    )


def value(expression: str, **variables: str) -> str:
    done = settings(expression, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_variable_is_in_the_example_and_in_the_guide_for_operators() -> None:
    found = re.findall(r'env\.(\w+)\(\s*"([A-Z_]+)"', (ROOT / "config/settings.py").read_text())
    code = {name for _, name in found} | {f"{name}_FILE" for method, name in found if method == "secret"}
    guide = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/operations.md").read_text(), re.MULTILINE))
    assert variables_in((ROOT / ".env.example").read_text()) == code == guide


DEFAULTS = {
    "LOCAL_TRIAL": ("True", "False"),
    "API_ANONYMOUS": ("write", "none"),
    "DEBUG": ("False", "False"),
    "ALLOWED_HOSTS": ("['localhost', '127.0.0.1', '[::1]']", "['tasks.example.com', '10.0.0.7']"),
    "SESSION_COOKIE_SECURE": ("False", "True"),
    "DATABASES['default']['ENGINE']": ("config.postgresql.embedded", "config.postgresql"),
    "DATABASES['default']['OPTIONS'].get('sslmode')": ("None", "require"),
    "TRUSTED_PROXIES": ("0", "0"),
    "CORS_ALLOWED_ORIGINS": ("[]", "[]"),
    "BIND": ("127.0.0.1:8000", "127.0.0.1:8000"),
}


@pytest.mark.parametrize(("mode", "variables"), [(0, {}), (1, DEPLOYMENT)], ids=["local", "deployed"])
def test_the_defaults_of_the_two_modes(mode: int, variables: dict[str, str]) -> None:
    done = settings(*DEFAULTS, **variables)
    assert done.stdout.splitlines() == [values[mode] for values in DEFAULTS.values()], done.stderr


def test_a_database_url_is_taken_apart() -> None:
    url = {**DEPLOYMENT, "DATABASE_URL": "postgres://tasks@%2Frun%2Fpostgresql/work"}
    assert value("DATABASES['default']['HOST']", **url) == "/run/postgresql"
    assert value("DATABASES['default']['PASSWORD']", **DEPLOYMENT) == "pass word"


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is required in a deployment. Expected at least 50 random characters, such as"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is required in a deployment. Expected the host names of this service"),
        (
            {"ALLOWED_HOSTS": "https://a.example/"},
            "ALLOWED_HOSTS has the invalid value 'https://a.example/'. Expected the host names",
        ),
        ({"ALLOWED_HOSTS": "a.example,,b"}, "ALLOWED_HOSTS has the invalid value ''. Expected the host names"),
        ({"DEBUG": "maybe"}, "DEBUG must be true or false, not 'maybe'."),
        ({"API_ANONYMOUS": "all"}, "API_ANONYMOUS must be one of write, read, none, not 'all'."),
        ({"WEB_CONCURRENCY": "two"}, "WEB_CONCURRENCY must be auto or a whole number from 1 to 256, not 'two'."),
        ({"WEB_CONCURRENCY": "257"}, "WEB_CONCURRENCY must be auto or a whole number from 1 to 256, not '257'."),
        ({"TRUSTED_PROXIES": "yes"}, "TRUSTED_PROXIES must be a whole number from 0 to 9, not 'yes'."),
        ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES must be a whole number from 0 to 9, not '-1'."),
        (
            {"CORS_ALLOWED_ORIGINS": "*"},
            "CORS_ALLOWED_ORIGINS has the invalid value '*'. Expected origins as browsers send them",
        ),
        ({"SECRET_KEY_FILE": "/k"}, "SECRET_KEY and SECRET_KEY_FILE are both set. Set only one of them."),
        ({"DATABASE_URL_FILE": "/d"}, "DATABASE_URL and DATABASE_URL_FILE are both set. Set only one of them."),
        ({"BIND": "8000"}, "BIND must be an address such as 127.0.0.1:8000 or unix:/run/tasks.sock, not '8000'."),
        ({"BIND": "127.0.0.1:99999"}, "BIND must be an address such as"),
        ({"BIND": "localhost:http"}, "BIND must be an address such as"),
        ({"METRICS_BIND": "unix:/m"}, "METRICS_BIND must be an address such as 127.0.0.1:9100, not 'unix:/m'."),
        (
            {"DATABASE_URL": "sqlite:///db.sqlite3"},
            "DATABASE_URL does not name a PostgreSQL database. Expected postgresql://",
        ),
        (
            {"DATABASE_URL": "postgresql://host"},
            "DATABASE_URL does not name a PostgreSQL database. Expected postgresql://",
        ),
        ({"DATABASE_URL": "postgresql://u:secret@host:port/db"}, "DATABASE_URL is invalid. Expected postgresql://"),
    ],
)
def test_a_missing_or_invalid_variable_stops_the_start_with_one_line(variables: dict[str, str], line: str) -> None:
    done = settings("DEBUG", **DEPLOYMENT | variables)
    assert done.returncode == 1
    assert done.stderr.startswith(f"tasks-api: {line}")
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_secrets_come_from_files(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("DATABASE_URL", "SECRET_KEY")}
    for name, file in files.items():
        file.write_text(f"{DEPLOYMENT[name]}\n")
    variables = {"ALLOWED_HOSTS": "a.example"} | {f"{name}_FILE": str(file) for name, file in files.items()}
    assert value("SECRET_KEY", **variables) == DEPLOYMENT["SECRET_KEY"]
    assert value("DATABASES['default']['PASSWORD']", **variables) == "pass word"
    assert value("LOCAL_TRIAL", **variables) == "False"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "can't be read: No such file or directory."),
        (b"\xff\xfe", "can't be read: it is not UTF-8 text."),
        (b" \n", "must have exactly one line."),
        (b"secret\nsecret", "must have exactly one line."),
    ],
)
def test_a_file_that_holds_no_secret_stops_the_start_with_one_line(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    done = settings("DEBUG", **DEPLOYMENT | {"SECRET_KEY": "", "SECRET_KEY_FILE": str(file)})
    assert (done.returncode, done.stderr) == (1, f"tasks-api: SECRET_KEY_FILE names '{file}', which {problem}\n")


@pytest.mark.parametrize(
    "origin",
    [
        *("app.example.com", "https://app.example.com/", "https://APP.example.com", "https://*.example.com", "null"),
        *("https://app.example.com:443", "http://app.example.com:80", "https://app.example.com:0", "ftp://a.example"),
    ],
)
def test_an_origin_that_no_browser_sends_stops_the_start(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", f"https://a.example,{origin}")
    with pytest.raises(
        SystemExit,
        match=re.escape(f"tasks-api: CORS_ALLOWED_ORIGINS has the invalid value '{origin}'. Expected origins"),
    ):
        Environment("").origins("CORS_ALLOWED_ORIGINS")


def test_origins_come_with_the_port_that_a_browser_names(monkeypatch: pytest.MonkeyPatch) -> None:
    origins = ["https://app.example.com", "http://localhost:5173", "http://[::1]:443", "https://a.example:80"]
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", ", ".join(origins))
    assert Environment("").origins("CORS_ALLOWED_ORIGINS") == origins


@pytest.mark.parametrize("bind", ["0.0.0.0:80", "[::1]:8000", "unix:/run/tasks.sock"])
def test_addresses_that_can_be_listened_on(bind: str) -> None:
    assert value("BIND", BIND=bind) == bind


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("BIND=127.0.0.1:1\nDEBUG=true\n")
    monkeypatch.setenv("BIND", "127.0.0.1:2")
    monkeypatch.delenv("DEBUG", raising=False)
    env = Environment(str(file))
    assert env.address("BIND", "127.0.0.1:3") == "127.0.0.1:2"
    assert env.flag("DEBUG", default=False)
    monkeypatch.delenv("DEBUG")


def test_the_local_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    key = local_secret_key(folder)
    assert len(key) >= 50
    assert local_secret_key(folder) == key
    assert [path.name for path in folder.iterdir()] == ["secret_key"]
    assert stat.S_IMODE((folder / "secret_key").stat().st_mode) == 0o600


def test_the_first_of_two_keys_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = local_secret_key(tmp_path)
    monkeypatch.setattr(Path, "exists", lambda _: False)  # as a second process saw it a moment before
    assert local_secret_key(tmp_path) == first


def warnings(file: Path, **variables: str) -> str:
    program = f"""
from config.environment import Environment
env = Environment({str(file)!r})
env.known |= {{"BIND", "TRUSTED_PROXIES"}}
env.warn()
"""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "COV", "HOME"))}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=ROOT, env=kept | variables, capture_output=True, text=True, check=True).stderr


@pytest.mark.parametrize("name", ["TRUSTED_PROXYS", "TRUSTED_PROXY", "trusted_proxies"])
def test_a_misspelled_variable_is_named_without_its_value(tmp_path: Path, name: str) -> None:
    line = f"tasks-api: the variable {name} is unknown. Did you mean TRUSTED_PROXIES?\n"
    assert warnings(tmp_path / ".env", **{name: "secret", "BIND": "127.0.0.1:1", "PROXY": "1"}) == line
    assert settings("DEBUG", **DEPLOYMENT, **{name: "secret"}).stderr == line


def test_a_misspelled_variable_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BINDS=secret\n")
    (tmp_path / ".env").chmod(0o640)
    assert warnings(tmp_path / ".env") == "tasks-api: the variable BINDS is unknown. Did you mean BIND?\n"


def test_a_file_that_every_account_can_read_is_warned_about(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("BIND=127.0.0.1:1\n")
    file.chmod(0o604)
    shown = warnings(file)
    assert shown.startswith(f"tasks-api: every account of this machine can read {file}, ")
    assert shown.count("\n") == 1


def test_debug_echoes_sql() -> None:
    program = (
        "import django; django.setup(); from django.db import connection; connection.cursor().execute('SELECT 42')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"DEBUG": "true", "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "SELECT 42" in done.stderr
