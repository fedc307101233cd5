"""`manage.py seed_tasks`: adds demo tasks in complete batches, the same ones each time, while others write."""

import io
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Count, F, Q
from django.utils import timezone

from tasks.admin.start.figures import completed_and_overdue
from tasks.management.commands import seed_tasks
from tasks.models import Tag, Task
from tests.factories import make_task

# Its batches are transactions of their own.
pytestmark = pytest.mark.django_db(transaction=True)


def seed(count: int) -> str:
    stdout = io.StringIO()
    call_command("seed_tasks", count=count, stdout=stdout)
    return stdout.getvalue()


def contents() -> list[tuple[object, ...]]:
    tasks = Task.objects.order_by("id").prefetch_related("tags")
    return [(task.title, task.description, task.completed, task.tag_names()) for task in tasks]


def session(setting: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {setting}")
        return str(cursor.fetchone()[0])


def test_it_adds_the_number_of_tasks_asked_for_and_reports_it_in_one_line() -> None:
    assert re.fullmatch(r"Tasks added: 1,200 in [\d.]+ s \([\d,]+ per second\)\n", seed(1200))
    assert Task.objects.count() == 1200


def test_the_same_count_gives_the_same_tasks_with_any_size_of_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    seed(300)
    first = contents()
    Task.objects.all().delete()
    Tag.objects.all().delete()
    monkeypatch.setattr(seed_tasks, "BATCH", 70)
    seed(300)
    assert contents() == first


def test_it_keeps_existing_tasks_and_tasks_created_between_runs() -> None:
    make_task("Mine", tags=("BUG",))
    before = contents()
    seed(40)
    make_task("Mine too")
    seed(40)
    assert Task.objects.count() == 82
    assert contents()[:1] == before
    assert Tag.objects.filter(name__iexact="bug").count() == 1


def test_tasks_have_up_to_four_tags() -> None:
    seed(500)
    counts = Task.objects.annotate(count=Count("tags")).values_list("count", flat=True)
    assert set(counts) == {0, 1, 2, 3, 4}
    assert {tag.name for tag in Tag.objects.all()} == set(seed_tasks.TAGS)
    assert 25 <= len(seed_tasks.TAGS) <= 35


def test_times_are_in_order_and_adding_tags_updates_no_task() -> None:
    started = timezone.now()
    seed(500)
    late = Q(updated_at__gt=started) | Q(completed_at__gt=F("updated_at"))  # an update would set the time of the run
    early = Q(updated_at__lt=F("created_at")) | Q(completed_at__lt=F("created_at"))
    assert not Task.objects.filter(late | early).exists()
    assert set(Task.objects.values_list("completed", flat=True)) == {True, False}


def test_tasks_are_from_the_last_two_years_and_open_ones_are_due_around_today() -> None:
    seed(2000)
    oldest, newest = Task.objects.earliest("created_at"), Task.objects.latest("created_at")
    now = timezone.now()
    assert now - timedelta(days=734) < oldest.created_at < now - timedelta(days=725)
    assert now - timedelta(days=5) < newest.created_at < now
    due = [task.due_date for task in Task.objects.filter(completed=False) if task.due_date]
    assert min(due) < now.date() < max(due)
    assert max(due) - now.date() < timedelta(days=80)


def test_as_many_are_late_today_as_on_other_days_and_few_begin_on_a_weekend() -> None:
    seed(5000)
    today = timezone.now().date()
    _, late = completed_and_overdue([today - timedelta(days) for days in range(89, -1, -1)])
    usual = sorted(late)[45]
    assert usual / 2 < late[-1] < usual * 2
    weekdays = Counter(at.weekday() for at in Task.objects.values_list("created_at", flat=True))
    assert weekdays[5] + weekdays[6] < 0.1 * 5000


def test_titles_and_descriptions_vary() -> None:
    seed(1000)
    assert len(set(Task.objects.values_list("title", flat=True))) > 900
    assert 100 < Task.objects.filter(description=None).count() < 500
    assert 0 < Task.objects.search("newsletter").count() < 100
    assert 0 < Task.objects.search("zürich").count() < 200
    assert not Task.objects.filter(Q(title__contains="{") | Q(description__contains="{")).exists()


def test_every_task_has_a_value_for_each_column() -> None:
    drawn = [values for values, _ in seed_tasks.draw_tasks(500)]
    assert len(drawn) == 500
    assert {len(values) for values in drawn} == {len(seed_tasks.COLUMNS.split(", "))}


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "ten", "", "1_000", "1,000", "٣", "9" * 5000])
def test_a_count_that_is_not_a_positive_whole_number_is_refused(count: str) -> None:
    with pytest.raises(CommandError, match="argument --count: "):
        call_command("seed_tasks", "--count", count)
    assert not Tag.objects.exists()


def test_a_count_is_required() -> None:
    with pytest.raises(CommandError, match="required: --count"):
        call_command("seed_tasks")


def test_without_a_terminal_there_is_no_progress_bar(capfd: pytest.CaptureFixture[str]) -> None:
    call_command("seed_tasks", count=20)
    output, errors = capfd.readouterr()
    assert output.startswith("Tasks added: 20 ")
    assert errors == ""


def test_a_terminal_shows_the_progress_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    seed(20)
    assert "100%" in terminal.getvalue()
    assert "20.0/20.0 [" in terminal.getvalue()


def test_ctrl_c_leaves_complete_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(count: int) -> Iterator[seed_tasks.Drawn]:
        tasks = draw_tasks(count)
        yield from islice(tasks, 8)
        signal.raise_signal(signal.SIGINT)
        yield from tasks

    draw_tasks = seed_tasks.draw_tasks
    seed(12)
    whole = contents()[:5]
    Task.objects.all().delete()
    monkeypatch.setattr(seed_tasks, "BATCH", 5)
    monkeypatch.setattr(seed_tasks, "draw_tasks", interrupted)
    with pytest.raises(CommandError, match="at least 5 of 12, in complete batches of 5") as caught:
        seed(12)
    assert caught.value.returncode == 130
    assert contents() == whole


def test_timeouts_are_lifted_only_for_its_own_statements() -> None:
    seen = []

    def look(execute: Callable[..., Any], sql: str, *context: Any) -> Any:
        if sql.startswith(("SELECT nextval", "VACUUM")):
            seen.append(session("statement_timeout"))
        return execute(sql, *context)

    settings = "statement_timeout", "lock_timeout", "enable_hashjoin", "enable_mergejoin"
    before = [session(each) for each in settings]
    with connection.execute_wrapper(look):
        seed(20)
    assert seen == ["0", "0"]
    assert [session(each) for each in settings] == before


@pytest.mark.parametrize(
    "special", ["\t", "\n", "\r", "\r\n", "\\", r"\N", r"\.", r"\t", "\\\t\\\\\n", "\x0b", "'", "ż 漢 🎉"]
)
def test_every_character_survives_the_copy(special: str) -> None:
    title = f"a{''.join(filter(str.isprintable, special))}b"  # one line
    now = timezone.now().isoformat()
    seed_tasks.add_batch([((title, special, "f", None, None, now, now), ())], 1, {})
    assert Task.objects.values_list("title", "description").get() == (title, special)
