"""The contenders: how each is started, and where its tasks are."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.database import Database
from tests.benchmarks.load import NO_HEADERS, Headers
from tests.servers import ROOT

PEERS = Path(__file__).parent / "peers"
PEERS_PYTHON = ROOT / ".venv/peers/bin/python"
LOGIN = """
from django.contrib.auth.models import User
from django.test import Client
browser = Client()
browser.force_login(User.objects.create_superuser("staff"))
print(browser.cookies["sessionid"].value)
"""
GUNICORN = "-m gunicorn --no-control-socket --log-level warning --workers {workers} --bind 127.0.0.1:{port} "
UVICORN = (
    "-m uvicorn --loop uvloop --http httptools --no-access-log --log-level warning --workers {workers} --port {port}"
)


@dataclass(frozen=True)
class Contender:
    """A server with its own database. `command` contains {port} and {workers}."""

    name: str
    what: str
    python: Path
    folder: Path
    command: str
    prepare: Callable[[Database], Headers]  # makes the tables; gives the headers that each request needs
    environment: Callable[[Database, int, int], dict[str, str]]  # of a database, port and number of workers
    table: str = "task"
    detail: str = "/tasks/{}"
    needs: str = ""  # a module without which it is skipped

    @property
    def database_name(self) -> str:
        return "bench_" + self.name.replace("-", "_")

    def is_available(self) -> bool:
        probe = f"import importlib.util as found; assert found.find_spec({self.needs!r})"
        return (
            not self.needs
            or subprocess.run([self.python, "-c", probe], check=False, stderr=subprocess.DEVNULL).returncode == 0
        )


def our_environment(database: Database, port: int, workers: int) -> dict[str, str]:
    """The environment of a deployment where everybody may write."""
    return {
        "DATABASE_URL": database.url,
        "SECRET_KEY": "only-for-benchmarks-" * 3,
        "ALLOWED_HOSTS": "127.0.0.1",
        "API_ANONYMOUS": "write",
        "BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": str(workers),
        "DEBUG": "false",  # whatever .env says
    }


def peer_environment(database: Database, port: int, workers: int) -> dict[str, str]:
    return database.variables


def migrate(database: Database) -> Headers:
    manage(database, "migrate", "--verbosity", "0")
    return NO_HEADERS


def migrate_and_make_token(database: Database) -> Headers:
    """The header with a token of a user in the group with all permissions."""
    migrate(database)
    return {
        "Authorization": f"Bearer {manage(database, 'create_token', 'robot', 'benchmark', '--group', 'Task admins')}"
    }


def session_cookie(database: Database) -> Headers:
    """The header of a browser with a superuser logged in."""
    return {"Cookie": f"sessionid={manage(database, 'shell', '--verbosity', '0', '--command', LOGIN)}"}


def manage(database: Database, *arguments: str) -> str:
    """What `manage.py` prints."""
    environment = clean_environment() | our_environment(database, 1, 1)
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"manage.py {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout.strip()


def make_table(database: Database) -> Headers:
    database.run((PEERS / "table.sql").read_text())
    return NO_HEADERS


def clean_environment() -> dict[str, str]:
    """The environment without variables that would change a server."""
    ours = {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "GUNICORN_CMD_ARGS", "WEB_CONCURRENCY"}
    return {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("PG")}


def ours(name: str, what: str, prepare: Callable[[Database], Headers]) -> Contender:
    command = "-m gunicorn -c config/gunicorn.py config.wsgi"
    return Contender(name, what, Path(sys.executable), ROOT, command, prepare, our_environment, "tasks_task")


def peer(name: str, what: str, command: str, detail: str = "/tasks/{}", needs: str = "") -> Contender:
    return Contender(name, what, PEERS_PYTHON, PEERS, command, make_table, peer_environment, detail=detail, needs=needs)


OURS, REFERENCE, LIMIT = "ours", "fastapi", "limit"
CONTENDERS = [
    ours(OURS, "this service as a deployment runs it, API open", migrate),
    ours("ours-token", "the same, with a token", migrate_and_make_token),
    peer(
        REFERENCE,
        "FastAPI, SQLAlchemy 2 async, asyncpg; uvicorn with uvloop and httptools",
        f"{UVICORN} fastapi_service:app",
        needs="fastapi",
    ),
    peer(
        "litestar",
        "Litestar, msgspec, asyncpg and plain SQL; uvicorn as above",
        f"{UVICORN} litestar_service:app",
        needs="litestar",
    ),
    peer("drf", "a stock DRF ModelViewSet; gunicorn sync", f"{GUNICORN} drf_service", "/tasks/{}/", "rest_framework"),
    peer("ninja", "django-ninja; gunicorn sync", f"{GUNICORN} ninja_service", needs="ninja"),
    peer(
        "bolt",
        "django-bolt: a Rust server, msgspec, Django's async ORM",
        "-m django runbolt --settings bolt_settings --host 127.0.0.1 --port {port} --processes {workers} --no-admin",
        needs="django_bolt",
    ),
    peer(
        LIMIT,
        "bare WSGI, one psycopg statement, JSON by PostgreSQL; gunicorn sync",
        f"{GUNICORN} limit:application",
        needs="psycopg",
    ),
]
