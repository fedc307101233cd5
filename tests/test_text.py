"""Text that looks the same is the same: titles and tags are one visible line, and tags are compared by folded names."""

import sys
import unicodedata
from importlib import import_module
from typing import Any
from urllib.parse import quote

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from config.text import folded
from tasks.models import Tag, Task
from tests.factories import change_task, make_task

FOLDED_AT_ONCE = 20_000
CAFE = ("café", unicodedata.normalize("NFD", "café"), "CAFÉ")
SAME = [
    ("Straße", "STRASSE", "strasse"),
    CAFE,
    ("ΟΔΟΣ", "οδος", "οδοσ"),
    ("İzmir", "i̇zmir"),
    ("❤", "❤\ufe0f"),
    ("ﬁle", "FILE"),
    ("Ǆ", "ǆ"),
    ("ᾳ", "ΑΙ"),
]
# One line, with something in it that can be seen.
BLANK = ["", " \t\n", "\u200b", "\u2800", "\u3164", "\u00ad\ufeff", "\u200d", "\ufe0f", "\U000e0041"]
CONTROLS = ["Book\nflights", "Book\tflights", "Book\r\nflights", "bell\x07rings", "next\x85line", "line\u2028break"]
HIDDEN = ["ho\u200bme", "ho\u200cme", "ho\u200dme", "\u202ehome", "home\u2060", "ho\u00adme", "a\u3164b", "a\U000e0041"]
SEEN = ["👩‍💻 work", "❤️", "1️⃣", "می‌خواهم", "क्‍ष", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "日本語", "home office", "naïve", "東京\u3000大阪"]


@pytest.mark.django_db
def test_python_and_postgresql_fold_every_character_alike() -> None:
    """Alone, and before a combining accent between two letters."""
    known = [code for code in range(1, sys.maxunicode + 1) if unicodedata.category(chr(code)) not in ("Cs", "Cn")]
    for first in range(0, len(known), FOLDED_AT_ONCE):
        codes = known[first : first + FOLDED_AT_ONCE]
        both = "tasks_folded(chr(code)), tasks_folded('a' || chr(code) || U&'\\0301b')"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {both} FROM unnest(%s::int[]) AS code", [codes])
            found = cursor.fetchall()
        assert found == [(folded(chr(code)), folded(f"a{chr(code)}\u0301b")) for code in codes]


@pytest.mark.django_db
class TestTags:
    @pytest.mark.parametrize("spellings", SAME)
    def test_spellings_that_look_the_same_are_one_tag(self, api: APIClient, spellings: tuple[str, ...]) -> None:
        first = spellings[0]
        for spelling in spellings:
            assert api.post("/tasks/", {"title": "a", "tags": [spelling]}).json()["tags"] == [first]
            assert api.get(f"/tasks/?tag={quote(spelling)}").json()["count"] == spellings.index(spelling) + 1
        assert [tag.name for tag in Tag.objects.all()] == [first]

    @pytest.mark.parametrize("spellings", SAME)
    def test_two_of_them_in_one_list_are_a_duplicate(self, api: APIClient, spellings: tuple[str, ...]) -> None:
        answer = api.post("/tasks/", {"title": "a", "tags": [spellings[0], spellings[-1]]})
        assert answer.status_code == 400
        assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [("/tags/1", "duplicate")]

    def test_another_spelling_changes_nothing(self, api: APIClient) -> None:
        task = make_task(tags=("Straße", "café"))
        assert change_task(task.pk, {}, tags=["STRASSE", CAFE[1]]).updated_at == task.updated_at

    @pytest.mark.parametrize("tag", ["home ", " home", "HOME", "\thome\n"])
    def test_the_filter_reads_a_tag_as_a_body_does(self, api: APIClient, tag: str) -> None:
        make_task(tags=("home",))
        assert api.get(f"/tasks/?tag={quote(tag)}").json()["count"] == 1

    @pytest.mark.parametrize(
        ("texts", "code"), [(BLANK, "blank"), (CONTROLS, "control_character"), (HIDDEN, "invisible")]
    )
    def test_of_others_the_filter_tells_the_same_as_a_body(self, api: APIClient, texts: list[str], code: str) -> None:
        for text in texts:
            body = api.post("/tasks/", {"title": "a", "tags": [text]}).json()["errors"]
            query = api.get(f"/tasks/?tag={quote(text)}").json()["errors"]
            assert [each["code"] for each in (*body, *query)] == [code, code], repr(text)
            assert body[0]["detail"] == query[0]["detail"]

    @pytest.mark.parametrize("name", SEEN)
    def test_what_changes_the_look_of_its_neighbours_stays(self, api: APIClient, name: str) -> None:
        assert api.post("/tasks/", {"title": name, "tags": [name]}).json()["tags"] == [name]

    @pytest.mark.parametrize("name", [*BLANK, *CONTROLS, *HIDDEN])
    def test_the_database_refuses_the_others_too(self, name: str) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            Tag.objects.create(name=name)

    def test_the_database_refuses_a_second_spelling(self) -> None:
        Tag.objects.create(name="Straße")
        with pytest.raises(IntegrityError, match="tag_name_unique"):
            Tag.objects.create(name="STRASSE")


@pytest.mark.django_db
class TestTitles:
    @pytest.mark.parametrize(("texts", "code"), [(BLANK, "blank"), (CONTROLS, "control_character")])
    def test_are_one_line_in_which_something_can_be_seen(self, api: APIClient, texts: list[str], code: str) -> None:
        task = make_task()
        for text in texts:
            for answer in (api.post("/tasks/", {"title": text}), api.patch(f"/tasks/{task.pk}", {"title": text})):
                assert answer.status_code == 400
                found = [(each["pointer"], each["code"]) for each in answer.json()["errors"]]
                assert found == [("/title", code)], repr(text)

    @pytest.mark.parametrize("title", [*BLANK, *CONTROLS])
    def test_the_database_refuses_the_others_too(self, title: str) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            Task.objects.create(title=title)

    @pytest.mark.parametrize("title", [each for each in CONTROLS if "\n" not in each and "\r" not in each])
    def test_the_form_of_the_admin_refuses_them(self, staff: Client, title: str) -> None:
        page = staff.post("/admin/tasks/task/add/", {"title": title}).content.decode()
        assert "Must be one line, without line breaks and other control characters." in page
        assert not Task.objects.exists()


def without_rules(cursor: Any) -> None:
    """The tables as they were before the migrations 0006 to 0008."""
    for sql in (
        "ALTER TABLE tasks_task DROP CONSTRAINT task_title_line",
        "ALTER TABLE tasks_tag DROP CONSTRAINT tag_name_line",
        "ALTER TABLE tasks_tag DROP CONSTRAINT tag_name_unique",
        "ALTER TABLE tasks_tag DROP COLUMN key",
    ):
        cursor.execute(sql)


@pytest.mark.django_db
def test_the_migrations_put_what_was_there_on_one_line_and_merge_tags_that_are_the_same() -> None:
    titles = {"Book\nflights": "Book flights", "a \r\n\t b": "a b", "\u200b": "No title", "Buy milk": "Buy milk"}
    tags = {"Straße": "Straße", "STRASSE": "Straße", CAFE[1]: CAFE[1], CAFE[0]: CAFE[1], "ho\u200bme": "home"}
    lines, key = (import_module(f"tasks.migrations.{name}") for name in ("0007_lines_of_all", "0008_tag_key"))
    with connection.cursor() as cursor:
        without_rules(cursor)
        for title in titles:
            cursor.execute("INSERT INTO tasks_task (title) VALUES (%s)", [title])
        cursor.execute("INSERT INTO tasks_tag (name) SELECT unnest(%s::text[]) RETURNING id", [list(tags)])
        ids = [pk for (pk,) in cursor.fetchall()]
        task = Task.objects.get(title="Buy milk").pk
        cursor.execute("INSERT INTO tasks_task_tags (task_id, tag_id) SELECT %s, unnest(%s::bigint[])", [task, ids])
        cursor.execute(lines.FOLD)
        for sql in key.STEPS:
            cursor.execute(sql)
    assert set(Task.objects.values_list("title", flat=True)) == set(titles.values())
    assert {tag.name for tag in Tag.objects.all()} == set(tags.values())
    assert Task.objects.get(pk=task).tag_names() == sorted(set(tags.values()), key=folded)
    with connection.cursor() as cursor:
        cursor.execute("SELECT old ->> 'title', new ->> 'title' FROM tasks_change WHERE old ? 'title' ORDER BY id")
        assert dict(cursor.fetchall()) == {old: new for old, new in titles.items() if old != new}
