"""A primary that vanishes from the network, and a synchronous standby that is promoted: what clients see."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from config.postgresql.embedded import cluster, files, place, programs
from tests.faults import Client, Database, eventually, running_service
from tests.servers import free_port
from tests.test_pooler import manage
from tests.waiting import patience

pytestmark = pytest.mark.slow
HERE, THERE = "10.213.77.1", "10.213.77.2"


class Node(Database):
    """A PostgreSQL that other machines reach, perhaps in a network namespace."""

    def __init__(self, folder: Path, host: str = "127.0.0.1", namespace: str = "") -> None:
        place.prepare(folder)
        self.folder, self.namespace = folder.resolve(), namespace
        self.account = place.owner(self.folder)
        self.programs = programs.find(self.account, None, self.folder)
        self.host, self.port = host, free_port()
        self.url = f"postgresql://{place.USER}@{host}:{self.port}/{place.DATABASE}"

    def create(self) -> None:
        with files.open_file(self.folder / "lock") as lock:
            cluster.create(self.folder, self.programs, lock)
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all,replication all {HERE}/30 trust\n")

    def copy(self, primary: "Node") -> None:
        """Becomes its standby."""
        program = next(each.path("pg_basebackup") for each in programs.find_all())
        source = f"host={primary.host} port={primary.port} user={place.USER} application_name=standby"
        subprocess.run([program, "-D", self.data, "-d", source, "-R", "-X", "stream", "-c", "fast"], check=True)
        for each in (self.data, *self.data.rglob("*")):
            os.chown(each, *self.account)

    @property
    def data(self) -> Path:
        return self.folder / place.DATA

    def spawn(self) -> None:
        settings = {
            "listen_addresses": self.host,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 30,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [self.programs.path("postgres"), "-D", str(self.data), *options]
        if self.namespace:
            uid, gid = self.account
            command = ["nsenter", f"--net=/run/netns/{self.namespace}", f"-S{uid}", f"-G{gid}", *command]
        with files.open_file(self.folder / files.LOG) as log:
            options_of_process = cluster.process_options(self.folder, log)
            if self.namespace:  # nsenter changes the account, after it has entered
                options_of_process = {"cwd": "/", "stdout": log, "stderr": log, "start_new_session": True}
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options_of_process)


def ip(*arguments: str) -> bool:
    return (
        shutil.which("ip") is not None
        and not subprocess.run(["ip", *arguments], capture_output=True, check=False).returncode
    )


@dataclass
class Network:
    """A host of its own, as a network namespace. Packets to a host that has vanished get no answer at all."""

    namespace: str

    def vanish(self) -> None:
        assert ip("-n", self.namespace, "address", "flush", "dev", "there")


@pytest.fixture
def network() -> Iterator[Network]:
    name = f"tasks-{os.getpid()}"
    here = f"tasks{os.getpid() % 1_000_000}"
    if os.geteuid() != 0 or not shutil.which("nsenter") or not ip("netns", "add", name):
        pytest.skip("a host that vanishes needs the right to create a network namespace, with ip and nsenter")
    try:
        assert ip("link", "add", here, "type", "veth", "peer", "name", "there", "netns", name)
        assert ip("address", "add", f"{HERE}/30", "dev", here)
        assert ip("-n", name, "address", "add", f"{THERE}/30", "dev", "there")
        assert ip("-n", name, "link", "set", "there", "up")
        assert ip("link", "set", here, "up")
        # Without this entry, the kernel would notice within 3 seconds that nobody has the address.
        there = subprocess.check_output(["ip", "-n", name, "-br", "link", "show", "there"], text=True).split()[2]
        assert ip("neigh", "replace", THERE, "lladdr", there, "dev", here, "nud", "permanent")
        yield Network(name)
    finally:
        ip("link", "delete", here)
        ip("netns", "delete", name)


@dataclass
class Nodes:
    primary: Node
    standby: Node

    @property
    def url(self) -> str:
        hosts = ",".join(f"{node.host}:{node.port}" for node in (self.primary, self.standby))
        return f"postgresql://{place.USER}@{hosts}/{place.DATABASE}?target_session_attrs=read-write"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tasks-failover-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # the account as which root runs PostgreSQL must have access
        yield Path(folder)


@pytest.fixture
def nodes(network: Network, folder: Path) -> Iterator[Nodes]:
    primary, standby = Node(folder / "primary", THERE, network.namespace), Node(folder / "standby")
    primary.create()
    primary.start()
    try:
        manage(primary.url, primary, "migrate", "-v0")
        standby.copy(primary)
        standby.start()
        eventually(lambda: primary.rows("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"))
        primary.run("ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()")
        eventually(lambda: primary.rows("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"))
        yield Nodes(primary, standby)
    finally:
        for node in (primary, standby):
            if hasattr(node, "process"):
                node.kill(all_processes=True)


@dataclass
class Writer:
    """Creates tasks until told to stop. Repeats each write, with its key, until it is acknowledged."""

    client: Client
    done: threading.Event = field(default_factory=threading.Event)
    acknowledged: dict[str, float] = field(default_factory=dict)
    refused: list[tuple[int, float, float]] = field(default_factory=list)  # status, seconds, when

    def run(self) -> None:
        title = ""
        with self.client:
            while not self.done.is_set():
                title = title or str(uuid.uuid4())
                answer = self.client.send("POST", "/tasks/", {"title": title}, title)
                if answer.status == 201:
                    self.acknowledged[title], title = answer.answered, ""
                else:
                    self.refused.append((answer.status, answer.seconds, answer.answered))


def test_a_primary_that_vanishes_is_a_503_and_its_promoted_standby_serves_at_once(
    network: Network, nodes: Nodes
) -> None:
    with running_service(nodes.standby, DATABASE_URL=nodes.url) as service:
        writers = [Writer(Client(service)) for _ in range(6)]
        threads = [threading.Thread(target=each.run) for each in writers]
        for thread in threads:
            thread.start()
        try:
            eventually(lambda: all(len(each.acknowledged) > 5 for each in writers))
            network.vanish()
            gone = time.monotonic()
            eventually(lambda: all(each.refused for each in writers))
            noticed = max(each.refused[0][2] for each in writers) - gone
            nodes.standby.rows("SELECT pg_promote()")
            promoted = time.monotonic()
            eventually(lambda: all(max(each.acknowledged.values()) > promoted for each in writers))
            served = min(when for each in writers for when in each.acknowledged.values() if when > promoted) - promoted
        finally:
            for each in writers:
                each.done.set()
            for thread in threads:
                thread.join(30)
    titles = [title for each in writers for title in each.acknowledged]
    found = nodes.standby.rows("SELECT title, count(*) FROM tasks_task GROUP BY title")
    outages = [max(b - a for a, b in pairwise(each.acknowledged.values())) for each in writers]
    refused = [each for writer in writers for each in writer.refused]
    print(  # noqa: T201 - for `pytest -s`
        f"\n{len(titles)} acknowledged, {len(set(titles) - {title for title, _ in found})} lost;"
        f" noticed after {noticed:.1f} s; slowest 503 {max(seconds for _, seconds, _ in refused):.1f} s;"
        f" served {served:.1f} s after the promotion; longest outage of a client {max(outages):.1f} s"
    )
    assert {status for status, _, _ in refused} == {503}
    assert max(seconds for _, seconds, _ in refused) < patience(10)
    assert set(titles) <= {title for title, _ in found}
    assert {count for _, count in found} == {1}
    assert served < patience(5)
