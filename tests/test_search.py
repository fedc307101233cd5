"""GET /tasks/?search=: every word that a reader sees in title and description, from its beginning."""

import sys
import unicodedata
from importlib import import_module
from unittest.mock import Mock
from urllib.parse import quote

import pytest
from django.apps import apps
from django.db import connection, transaction
from rest_framework.test import APIClient

from config.postgresql.keyset import MOST_COUNTED
from tasks import pages
from tasks.models import Task
from tests.factories import make_task, make_tasks
from tests.waiting import in_thread

MANY = 1200
NFD_CAFE = unicodedata.normalize("NFD", "Café")


def found(api: APIClient, search: str) -> list[str]:
    return [task["title"] for task in api.get(f"/tasks/?ordering=id&search={quote(search)}").json()["results"]]


@pytest.mark.django_db
class TestWords:
    @pytest.mark.parametrize(
        ("title", "searches"),
        [
            ("Weigh flour/sugar", ["flour", "sugar", "flour/sugar", "sug flo"]),
            ("Renew node.certs", ["node", "certs", "node.certs", "node.ce"]),
            ("Write to kim@example.org", ["kim", "example", "org", "kim@example.org"]),
            ("See https://example.org/reports/2026?id=7#top", ["reports", "2026", "example.org/reports", "top"]),
            ("Close ABC-123", ["123", "abc", "ABC-123", "abc123x or 123"]),
            ("Send “Quarterly” figures", ["quarterly", "figures"]),
            ("Berlin—Prague tickets", ["berlin", "prague"]),
            ("Ring dentist…", ["dentist"]),
            ("🛒Bread 👩‍💻code", ["bread", "code"]),
            (NFD_CAFE, ["café", NFD_CAFE, "CAFÉ", "caf"]),
            ("Café", [NFD_CAFE]),
            ("Größe messen", ["größe", "GRÖSSE or GRÖẞE", "grö"]),
            ("ΟΔΟΣ Ἀθηνᾶς", ["οδος", "οδοσ", "ΟΔΟΣ", "Ἀθηνᾶσ"]),
            ("İstanbul", ["istanbul", "İstanbul", "ISTANBUL"]),
            ("hy\u00adphen\u200bated zero\u2060width", ["hyphen", "ated", "zerowidth"]),
            ("می\u200cخواهم", ["خواهم", "می خواهم", "می\u200cخواهم"]),
            ("हिन्दी सीखो", ["हिन्दी", "हिन्", "सीखो"]),
            ("牛乳を買う", ["牛乳", "乳", "買う", "牛乳を買う", "牛 買"]),
            ("ซื้อนมสด", ["นม", "ซื้อ", "สด"]),
            ("한국어 공부", ["한국", "공부"]),
            ("don't panic", ["don't", "don’t", "don", "panic"]),
            ("1e5 0x1F -7 3.14", ["1e5", "0x1f", "7", "3.14", "14"]),
            ("snake_case camelCase", ["snake", "case", "snake_case", "camelc"]),
            ("x" * 200, ["x" * 200, "x" * 199, "x"]),
        ],
    )
    def test_whatever_stands_beside_them(self, api: APIClient, title: str, searches: list[str]) -> None:
        make_task("Something else")
        make_task(title)
        assert {search: found(api, search) for search in searches} == {search: [title] for search in searches}

    @pytest.mark.parametrize(
        ("search", "expected"),
        [
            ("milk", ["Buy milk", "Sell the milk float"]),
            ("MILK buy", ["Buy milk"]),
            ("corner", ["Buy milk", "Größe messen"]),
            ("the", ["Buy milk", "Sell the milk float", "Größe messen"]),
            ("mil flo", ["Sell the milk float"]),
            ('"milk float"', ["Sell the milk float"]),
            ('"milk float', ["Sell the milk float"]),
            ('"float milk"', []),
            ('"mil"', []),
            ('"milk at"', []),  # one word of the title, one of the description
            ("milk -float", ["Buy milk"]),
            ("milk -flo", ["Buy milk"]),
            ('milk -"flo"', ["Buy milk", "Sell the milk float"]),
            ('-"milk float" corner', ["Buy milk", "Größe messen"]),
            ("-milk", ["Größe messen"]),
            ("float or größe", ["Sell the milk float", "Größe messen"]),
            ("float OR größe", ["Sell the milk float", "Größe messen"]),
            ("buy or sell float", ["Buy milk", "Sell the milk float"]),
            ("or milk", []),
            ("milk or", []),
            ("milk or / or corner", ["Buy milk", "Sell the milk float", "Größe messen"]),
            ("milk & | ! <-> ' \\ : *", ["Buy milk", "Sell the milk float"]),
            ("ilk", []),
            ("milks", []),
            (f"{'-' * 100}milk", ["Größe messen"]),
        ],
    )
    def test_all_of_them_phrases_or_and_without(self, api: APIClient, search: str, expected: list[str]) -> None:
        make_task("Buy milk", description="at the corner shop")
        make_task("Sell the milk float")
        make_task("Größe messen", description="the corner of the room")
        assert found(api, search) == expected

    @pytest.mark.parametrize("search", ["!!!", "'", "🛒", "- -", '""', "…"])
    def test_a_search_without_a_word_is_refused(self, api: APIClient, search: str) -> None:
        answer = api.get(f"/tasks/?search={quote(search)}")
        assert answer.status_code == 400
        assert answer.json()["errors"] == [
            {"parameter": "search", "code": "no_words", "detail": "Must contain a letter or a digit."}
        ]

    def test_each_character_is_part_of_a_word_or_not_as_unicode_has_it(self) -> None:
        """Letters, numbers and marks are; a character of a script without blanks is a word by itself."""
        known = [code for code in range(1, sys.maxunicode + 1) if unicodedata.category(chr(code)) not in ("Cs", "Cn")]
        codes = [code for code in known if unicodedata.is_normalized("NFC", chr(code))]
        with connection.cursor() as cursor:
            cursor.execute("SELECT code, tasks_words('a' || chr(code) || 'b') FROM unnest(%s::int[]) AS code", [codes])
            words = dict(cursor.fetchall())
        for code in codes:
            category = unicodedata.category(chr(code))
            separates = (category[0] in "PSZC" and category != "Cf") or chr(code) in "\u200b\u200c"
            parts = words[code].split()
            assert (parts == ["a", "b"]) == separates, hex(code)
            assert (parts == ["ab"]) == ((category == "Cf" and not separates) or is_variation_selector(code)), hex(code)


def is_variation_selector(code: int) -> bool:
    return 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or code in (0x34F, 0x180B, 0x180C, 0x180D, 0x180F)


@pytest.mark.django_db
class TestWithMany:
    """What PostgreSQL expects decides how they are found; it never changes what is found."""

    @pytest.fixture(autouse=True)
    def _tasks(self) -> None:
        make_tasks(MANY)  # their titles hold one word each, and a number
        for number in range(3):
            make_task(f"Rare {number}", description="task")

    @pytest.mark.parametrize("most", [0, 10**9])
    @pytest.mark.parametrize("most_read", [10, 100_000])
    @pytest.mark.parametrize("search", ["task", "rare", "task rare", "nothing", "task -rare"])
    def test_page_count_and_cursors_are_the_same(
        self, api: APIClient, monkeypatch: pytest.MonkeyPatch, search: str, most: int, most_read: int
    ) -> None:
        monkeypatch.setattr(pages, "MOST_BY_INDEX", most)
        monkeypatch.setattr(pages, "MOST_READ", most_read)
        pages.page_of.cache_clear()
        expected = matching(search)
        url, walked, counts = f"/tasks/?limit=500&ordering=-id&search={quote(search)}", [], set()
        while url:
            page = api.get(url).json()
            walked += [task["id"] for task in page["results"]]
            counts.add(page["count"] if not page["count_is_estimate"] else MOST_COUNTED + 1)
            url = page["next"]
        assert walked == expected
        assert counts == {min(len(expected), MOST_COUNTED + 1)}
        offset = api.get(f"/tasks/?limit=10&offset=5&ordering=-id&search={quote(search)}").json()
        assert [task["id"] for task in offset["results"]] == expected[5:15]
        pages.page_of.cache_clear()


def matching(search: str) -> list[int]:
    return list(Task.objects.search(search).order_by("-id").values_list("pk", flat=True))


@pytest.mark.django_db
def test_the_index_serves_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = Task.objects.order_by().search("milk").explain()
    assert "task_words" in plan


@pytest.mark.django_db
def test_the_words_follow_the_task_whatever_writes_them() -> None:
    task = make_task("Buy milk")
    Task.objects.filter(pk=task.pk).update(title="Sell bread", search=None)
    assert matching("bread") == [task.pk]
    Task.objects.filter(pk=task.pk).update(search=None)
    assert matching("bread") == [task.pk]


@pytest.mark.django_db(transaction=True)
def test_the_migration_fills_in_the_words_of_all_and_waits_for_nobody() -> None:
    """Neither the history nor updated_at tells of it. A task that is locked meanwhile comes in a later round."""
    make_tasks(5)
    locked = make_task("Locked")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tasks_task DISABLE TRIGGER tasks_task_words")
        cursor.execute("UPDATE tasks_task SET search = NULL")
        cursor.execute("ALTER TABLE tasks_task ENABLE TRIGGER tasks_task_words")
        cursor.execute("SELECT count(*), max(updated_at) FROM tasks_task, tasks_change")
        before = cursor.fetchone()
    editor = Mock(connection=connection)
    with transaction.atomic():
        Task.objects.select_for_update().get(pk=locked.pk)
        filling = in_thread(lambda: import_module("tasks.migrations.0005_words_of_all").fill(apps, editor))
        while Task.objects.filter(search=None).count() > 1:
            assert filling.is_alive()
        assert [task.pk for task in Task.objects.filter(search=None)] == [locked.pk]
    filling.join()
    assert not Task.objects.filter(search=None).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), max(updated_at) FROM tasks_task, tasks_change")
        assert cursor.fetchone() == before
