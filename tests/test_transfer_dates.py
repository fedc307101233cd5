"""What Todoist's DATE says is a day if it can be read in one way only."""

import pytest

from tasks.transfer.foreign.dates import day_of


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("", "2026-10-05"),
        ("en", "2026/10/05"),
        ("en", "2026-10-5"),
        ("en", "Mon Oct 5 2026"),
        ("en", "Monday, October 5th, 2026"),
        ("en", "5 Oct 2026"),
        ("en", "5-Oct-2026"),
        ("en", "2026 OCT 5"),
        ("de", "5 Okt 2026"),
        ("de", "5.10.2026"),
        ("de", "Mo, 5. Oktober 2026"),
        ("fr", "le 5 oct. 2026"),
        ("es", "5 de octubre de 2026"),
        ("it", "lunedì 5 ottobre 2026"),
        ("nl", "ma 5 okt 2026"),
        ("pt_BR", "5 de outubro de 2026"),
        ("pl", "5 października 2026"),
        ("ru", "5 октября 2026 г."),
        ("fi", "5. lokakuuta 2026"),
        ("sv", "mån 5 okt 2026"),
        ("tr", "5 Ekim 2026"),
        ("ja", "2026年10月5日"),
        ("ko", "2026년 10월 5일"),
        ("de", "5 Oct 2026"),  # English, whatever DATE_LANG says
        ("../..", "5 Oct 2026"),
        ("xx", "5 Oct 2026"),
    ],
)
def test_a_date_is_a_day(language: str, text: str) -> None:
    assert day_of(text, language) == ("2026-10-05", True)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "2026-10-05T09:00:00Z"),
        ("en", "2026-10-05T09:00:00.000000Z"),
        ("en", "2026-10-05 15:30"),
        ("en", "2026-10-05T15:30:00 +02:00"),
        ("en", "5 Oct 2026 at 9am"),
        ("en", "Oct 5 2026 9 p.m."),
        ("en", "Oct 5 2026 at 9"),
        ("en", "Oct 5 2026 @ 9:30 PM"),
        ("en", "9am on Oct 5 2026"),
        ("de", "Mo 5. Okt 2026 um 18:00 Uhr"),
        ("fr", "5 oct. 2026 à 9h30"),
        ("es", "lun 5 oct 2026 a las 9:00"),
        ("nl", "5 okt 2026 om 9:00 uur"),
        ("ru", "5 окт 2026 в 9:00"),
    ],
)
def test_a_time_of_day_stays_beside_the_day(language: str, text: str) -> None:
    assert day_of(text, language) == ("2026-10-05", False)


@pytest.mark.parametrize(
    ("language", "text", "day"),
    [
        ("en", "25/10/2026", "2026-10-25"),
        ("en", "10/25/2026", "2026-10-25"),
        ("en", "05/05/2026", "2026-05-05"),
        ("en", "25.10.2026", "2026-10-25"),
        ("es", "mar 10 mar 2026", "2026-03-10"),  # mar is both martes and marzo
        ("es", "mar 6 oct 2026", "2026-10-06"),
        ("nl", "5 mrt 2026", "2026-03-05"),
        ("en", "May 5 2026", "2026-05-05"),
        ("en", "Feb 29 2028", "2028-02-29"),
    ],
)
def test_a_date_with_one_possible_reading_is_that_day(language: str, text: str, day: str) -> None:
    assert day_of(text, language) == (day, True)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", ""),
        ("en", "05/10/2026"),
        ("de", "05/10/2026"),
        ("en", "5.10.2026"),
        ("", "5.10.2026"),
        ("de", "10.25.2026"),
        ("en", "5-10-2026"),
        ("en", "Oct 5"),
        ("en", "Oct 5 26"),
        ("en", "Oct 2026"),
        ("en", "5 2026"),
        ("en", "2026"),
        ("en", "Monday"),
        ("en", "tomorrow 18:00"),
        ("en", "every monday at 9am"),
        ("en", "every day starting Oct 5 2026"),
        ("en", "Oct 5 2026 - Oct 7 2026"),
        ("en", "Oct Nov 5 2026"),
        ("en", "Oct 5 2026 Nov"),
        ("en", "2026-10-05 Oct"),
        ("en", "Foo 5 2026"),
        ("en", "Feb 30 2026"),
        ("en", "0000-10-05"),
        ("en", "2026-10-05!"),
        ("en", "5 Okt 2026"),
        ("fr", "5 jui 2026"),  # juin or juillet
        ("de", "jeden Montag"),
        ("en", "Oct 5 2026" + " " * 80),
        ("en", "١ Oct 2026"),
    ],
)
def test_what_has_no_year_or_two_readings_is_no_day(language: str, text: str) -> None:
    assert day_of(text, language) == (None, False)
