"""The day in a text such as "Mon 5 Oct 2026 at 9am", in the languages of Todoist.

Only a text that has one reading is a day: 05/10/2026 is none, and neither is a day without a year. The parsers of
dates that are common, such as dateutil's, guess in both cases. Names of months and weekdays are from Django's
translations.
"""

import datetime
import gettext
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import django

LOCALES = Path(django.__path__[0]) / "conf" / "locale"
LONGEST = 80  # characters
ENGLISH = "en"
MONTHS = tuple("January February March April May June July August September October November December".split())  # noqa: SIM905 - to read
WEEKDAYS = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())  # noqa: SIM905 - the same
NUMBER = re.compile("[0-9]+")
TOKEN = re.compile(
    r"""(?P<ymd>[0-9]{4}\s?[-/.年년]\s?[0-9]{1,2}\s?[-/.月월]\s?[0-9]{1,2})(?![0-9])[日일.]?
    |(?P<dotted>[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4})(?![0-9])
    |(?P<dmy>[0-9]{1,2}[-/][0-9]{1,2}[-/][0-9]{4})(?![0-9])
    |(?P<clock>[0-9]{1,2}(?::[0-9]{2}){1,2}(?:\.[0-9]+)?(?:\s?[ap]\.?m\b\.?)?(?:z\b|\s?[+-][0-9]{2}:?[0-9]{2})?
        |[0-9]{1,2}\s?(?:[ap]\.?m\b\.?|(?:uhr|uur|h)\b|h[0-9]{2})|at\s{0,3}[0-9]{1,2}(?![0-9:.]|\s?[ap]\.?m))
    |(?P<year>[0-9]{4})(?![0-9])
    |(?P<day>[0-9]{1,2})(?![0-9])(?:(?:st|nd|rd|th|er)\b|\.|º)?
    |(?P<word>[^\W\d_]+)
    |(?P<blank>[-\s,./]+)""",
    re.VERBOSE,
)
# What may stand around a date or before a time of day.
PARTICLES = re.compile(
    "t|at|on|the|of|um|am|den|der|le|à|a|las|la|el|de|del|às|as|il|alle|ore|om|op|kl|klo|o|godz|saat|uhr|uur|h|utc|г|в"  # noqa: RUF001 - Russian
)


def day_of(text: str, language: str = "") -> tuple[str | None, bool]:
    """The day in this text, or None, and whether the text is only a day."""
    language = language.casefold()[:2]
    found = tokens_of(normal(text).replace("@", " at ")) if len(text) <= LONGEST else []
    numbers = {kind: [int(each) for each in NUMBER.findall(token)] for kind, token in found if kind != "word"}
    months = months_of([token for kind, token in found if kind == "word"], language)
    is_whole = numbers.pop("clock", None) is None
    days = set()
    for reading in readings(numbers, months, language) if months is not None else ():
        try:
            days.add(datetime.date(*reading).isoformat())
        except ValueError:
            continue
    return (days.pop(), is_whole) if len(days) == 1 else (None, False)


def tokens_of(text: str) -> list[tuple[str, str]]:
    """The kind and text of each token; none if there is anything else, or two of a kind other than words."""
    found: list[tuple[str, str]] = []
    at = 0
    while token := TOKEN.match(text, at):
        at = token.end()
        kind = str(token.lastgroup)
        if kind != "blank" and not PARTICLES.fullmatch(token[kind]):
            found.append((kind, token[kind]))
    kinds = [kind for kind, _ in found if kind != "word"]
    return found if at == len(text) and len(kinds) == len(set(kinds)) else []


def readings(numbers: dict[str, list[int]], months: list[int], language: str) -> Iterator[tuple[int, int, int]]:
    """Year, month and day, in each order that the text may have."""
    match sorted(numbers.items()), months:
        case [("ymd", [year, month, day])], []:
            yield year, month, day
        case [("dmy" | "dotted" as kind, [first, second, year])], []:
            yield year, second, first
            if kind == "dmy" or language in ("", ENGLISH):  # other languages write dots only after a leading day
                yield year, first, second
        case [("day", [day]), ("year", [year])], [month]:
            yield year, month, day


def months_of(words: list[str], language: str) -> list[int] | None:
    """The month that the words name, if any; None if there is a word that names neither a month nor a weekday."""
    kinds = [(number_of(word, MONTHS, language), number_of(word, WEEKDAYS, language)) for word in words]
    if not all(month or weekday for month, weekday in kinds):
        return None
    only = {month for month, weekday in kinds if month and not weekday}
    return list(only or {month for month, _ in kinds if month})  # "mar" is both in Spanish


def number_of(word: str, names: tuple[str, ...], language: str) -> int:
    """The number of the month or weekday that the word is, or begins, in this language or in English; or 0."""
    return beginnings(names, language).get(word, 0) or beginnings(names, ENGLISH).get(word, 0)


@lru_cache(maxsize=64)
def beginnings(names: tuple[str, ...], language: str) -> dict[str, int]:
    """The number of each name, by the name in this language, in full, inflected or short, and by its beginnings."""
    # The language is from a file, and becomes a part of a path.
    languages = [language if language.isascii() and language.isalpha() else ENGLISH]
    of = gettext.translation("django", LOCALES, languages, fallback=True)
    found: dict[str, set[int]] = {}
    for number, each in enumerate(names, start=1):
        short = each[:3].lower() if names == MONTHS else each[:3]
        for name in map(normal, (of.gettext(each), of.pgettext("alt. month", each), of.gettext(short))):
            for end in range(3 if names == MONTHS else 2, len(name) + 1):
                found.setdefault(name[:end], set()).add(number)
    return {beginning: numbers.pop() for beginning, numbers in found.items() if len(numbers) == 1}


def normal(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
