"""Adds demo tasks that read like a team's, to try the service or to measure it."""

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils import timezone
from tqdm import tqdm

from config.arguments import number
from tasks.models import Tag
from tasks.transfer.load import vacuum

T = TypeVar("T")
Drawn = tuple[tuple[str | None, ...], tuple[str, ...]]  # a task's values for COLUMNS, and the names of its tags

BATCH = 10_000
SEED = 2024
DAY = 24 * 3600.0
OLDEST, LONGEST_WORK = 730 * DAY, 90 * DAY
COLUMNS = "title, description, completed, completed_at, due_date, created_at, updated_at"
RESERVE = "SELECT nextval(name) FROM pg_get_serial_sequence('tasks_task', 'id') AS name, generate_series(1, %s)"
# A batch may take longer than a request. The joins: the trigger on tasks_task_tags plans its search for tasks once per
# session, at the first batch. If the table is small then, the plan would read all of it in every batch.
SETTINGS = "SET LOCAL statement_timeout = 0; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"


class Command(BaseCommand):
    help = "Add demo tasks with tags. Each run adds N tasks; on one day, the same N gives the same tasks."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        tasks = number("tasks", 100_000_000)
        parser.add_argument("--count", type=tasks, required=True, metavar="N", help="how many tasks to add")

    def handle(self, *args: Any, **options: Any) -> None:
        count, added, started = options["count"], 0, time.monotonic()
        try:
            with tqdm(total=count, unit=" tasks", unit_scale=True, disable=None) as bar:
                for size in add_tasks(count):
                    added += size
                    bar.update(size)
            vacuum()
        except KeyboardInterrupt:
            # At least: during a commit, nobody knows whether the commit came first.
            message = f"Interrupted. Tasks added: at least {added:,} of {count:,}, in complete batches of {BATCH:,}."
            raise CommandError(message, returncode=130) from None
        seconds = time.monotonic() - started
        self.stdout.write(f"Tasks added: {count:,} in {seconds:.1f} s ({count / seconds:,.0f} per second)")


def add_tasks(count: int) -> Iterator[int]:
    """Adds the tasks, one transaction per batch, and yields the size of each batch after its commit."""
    tag_ids = {tag.name.lower(): tag.pk for tag in Tag.objects.named(TAGS)}
    tasks = draw_tasks(count)
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        add_batch(islice(tasks, size), size, tag_ids)
        yield size


def add_batch(tasks: Iterable[Drawn], size: int, tag_ids: dict[str, int]) -> None:
    """Writes the tasks and their tags in one transaction.

    A savepoint would give the tasks another xmin, and the touch trigger would update them; so it is durable.
    """
    links = []
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(SETTINGS)
        cursor.execute(RESERVE, [size])
        ids = [row[0] for row in cursor.fetchall()]
        with cursor.copy(f"COPY tasks_task (id, {COLUMNS}) FROM STDIN") as copy:
            for pk, (values, tags) in zip(ids, tasks, strict=True):
                copy.write_row((pk, *values))
                links += [(pk, tag_ids[tag]) for tag in tags]
        with cursor.copy("COPY tasks_task_tags (task_id, tag_id) FROM STDIN") as copy:
            for link in links:
                copy.write_row(link)


def draw_tasks(count: int) -> Iterator[Drawn]:
    """Draws the tasks, oldest first. All are created before today began, so the hour of a run makes no difference."""
    rng = random.Random(SEED)
    midnight = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    areas = [(each, draw_tag_sets(rng, each)) for each in AREAS]
    for place in range(count):
        area, tag_sets = pick(rng, areas)
        title = f"{pick(rng, area.actions)} {pick(rng, area.subjects)}{pick(rng, ENDINGS)}"
        age = OLDEST * (1 - (place + rng.random()) / count)
        yield (title, draw_description(rng, area), *draw_progress(rng, midnight, age)), pick(rng, tag_sets)


def draw_tag_sets(rng: random.Random, area: "Area") -> list[tuple[str, ...]]:
    """Draws some sets to choose from: rng.sample for each task would take as long as everything else."""
    sizes = rng.choices(range(5), weights=(20, 35, 25, 14, 6), k=500)
    return [tuple(rng.sample(area.tags + COMMON_TAGS, size)) for size in sizes]


def draw_description(rng: random.Random, area: "Area") -> str | None:
    if rng.random() < 0.3:
        return None
    return f"{pick(rng, area.details)}{pick(rng, NOTES)}{pick(rng, REMARKS)}".format(
        client=pick(rng, CLIENTS),
        place=pick(rng, PLACES),
        number=int(10_000 + 90_000 * rng.random()),
        some=int(10 + 90 * rng.random()),
        few=int(2 + 7 * rng.random()),
    )


def draw_progress(rng: random.Random, now: float, age: float) -> tuple[str | None, ...]:
    """Draws completed, completed_at, due_date, created_at and updated_at for a task of `age` seconds at `now`."""
    begun = working_day(rng, now - age)
    last = begun + min(now - begun, LONGEST_WORK) * rng.random() ** 3
    created, updated = in_hours(begun), in_hours(last)
    done = rng.random() < 0.2 + 0.65 * min(1, age / LONGEST_WORK)
    # As many are late today as on any other day: tasks that are late stay so for 12 days on average.
    is_late = rng.random() < (0.3 if done else 0.0125)
    late = rng.expovariate(1 / 12) if is_late else -rng.random() * (10 if done else 75)
    due = max(created, (updated if done else now) - DAY * late)
    due_date = None if rng.random() < 0.25 else instant(due)[:10]
    changed = instant(updated)
    return str(done), changed if done else None, due_date, instant(created), changed


def working_day(rng: random.Random, at: float) -> float:
    """The same time, or most often the Thursday or Friday before, if it is on a weekend."""
    is_weekend = (int(at // DAY) + 3) % 7 > 4  # 1970-01-01 was a Thursday
    return at - 2 * DAY if is_weekend and rng.random() < 0.9 else at


def in_hours(at: float) -> float:
    """The same day, between 7 and 18 o'clock. What was later on a day still is."""
    day, second = divmod(at, DAY)
    return day * DAY + (7 + 11 * second / DAY) * 3600


def pick(rng: random.Random, options: Sequence[T]) -> T:
    return options[int(rng.random() * len(options))]  # rng.choice takes three times as long


def instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


class Area(NamedTuple):
    tags: list[str]
    actions: list[str]
    subjects: list[str]
    details: list[str]


# A paragraph for each area, with a row for each of its fields, and one that all areas share. A row that ends in |
# continues in the next line; an empty word means that a title or description has none.
VOCABULARY = """\
backend|frontend|mobile|api|bug|security|performance|database|docs
Fix|Investigate|Refactor|Write tests for|Document|Speed up|Review|Add logging to|Simplify|Prototype
the login redirect|CSV import|the search endpoint|password reset|webhook retries|image upload|offline mode|
the nightly export|session expiry|the dashboard query|push notifications|rate limiting|the date picker|dark mode
It happens on every second attempt, also in a private window.|The trace points at a stale cache entry.|
See ticket {number} for steps to reproduce.|Affects release {some}.{few} and newer.

infrastructure|monitoring|release|backup|security|database
Upgrade|Monitor|Automate|Migrate|Restore|Patch|Replace|Load-test|Write a runbook for|Move
the PostgreSQL cluster|TLS certificates|the staging environment|the build pipeline|nightly backups|the message queue|
DNS records|the container registry|the VPN gateway|disk space alerts|the office router|the log archive|single sign-on
The maintenance window is Sunday from {few} to 10 UTC.|Alert {number} fired again last night.|
Disk usage is at {some} percent and grows weekly.|Announce it on the status page a day ahead.

customer|support|training|bug
Reply to|Escalate|Follow up on|Close|Schedule|Prepare|Summarize|Take over
the complaint about late delivery|a refund request|the request for recurring tasks|the renewal call|the outage report|
the onboarding session|the data deletion request|questions about the invoice|the satisfaction survey|the demo account
They wrote again on Monday and expect an answer this week.|Order {number}, paid by card.|
The workaround from the help center did not help.|Offer a credit of {some} euros.

marketing|newsletter|website|event|design|docs
Draft|Proofread|Publish|Translate|Plan|Design|Promote|Update|Brief the agency on
the spring newsletter|the pricing page|a case study|the trade fair booth|the product video|the press release|search ads|
the landing page|the customer story|the blog post about remote work|the partner brochure|the year in review
The draft is in the shared folder, about {some} paragraphs.|Photos are still missing.|Keep it under {some}0 words.|
Ask the design team for a banner in {few} sizes.|Last year it brought {some} new leads.

hiring|onboarding|training|travel|office
Organize|Announce|Prepare|Collect feedback on|Find a budget for|Update the plan for|Set dates for
interviews for the backend position|the summer party|the first-aid course|flights and hotels|new laptops|annual reviews|
the team retreat|the vacation calendar|the welcome package|the internship program|parking permits|the fire drill
{some} people have signed up so far.|Badge {number} still has to be activated.|Vegetarian food for {few} of them.|
The works council has to agree first.|Compare {few} offers.

finance|budget|legal|contract|office
Approve|Check|Reconcile|Negotiate|Renew|Cancel|Archive|Forecast|Send a reminder about|Discuss
the office lease|the hosting bill|travel expenses|the insurance policy|the quarterly budget|software licenses|
the overdue invoice|the tax return|the bank statement|the supplier contract|the privacy policy|payroll corrections
Invoice {number}, due in {some} days.|The amount differs from the order by {some} euros.|
Legal wants to see clause {few} again.|Two signatures are needed.|The discount ends with the quarter.

urgent|blocked|waiting
Alder & Finch|Blue Heron Travel|Bäckerei Lindner|Café Alameda|Cobalt Robotics|Dockside Logistics|Elmwood Dental|
Fjord Seafood|Granite Insurance|Harbor Books|Ivory Piano School|Juniper Farms|Kestrel Cycles|Lantern Films|
Maple Street School|Northgate Clinic|Orchard Foods|Pinecrest Hotels|Quarry Stoneworks|Redwood Credit Union
Berlin|Boston|Lisbon|Łódź|Montréal|Nairobi|Osaka|Oslo|Porto|Prague|Seoul|Toronto|Valencia|Zürich
||||||||||||||| before the launch| before the audit| by the end of the quarter| after the holidays| this week|
 for the board meeting| with the new supplier| together with sales| once more| for the spring campaign
||||||| An hour should be enough.| Low risk.| Please take notes.| Ask if anything is unclear.| It can wait a day.
|||| {client} is waiting for this.| The team in {place} can help.| Blocked until {client} answers.| Agreed on Tuesday.|
 Talk to the {place} office first.| It was {client} who noticed.| Nobody in {place} has done this before."""
*AREA_ROWS, SHARED_ROWS = (
    [row.split("|") for row in paragraph.split("\n")] for paragraph in VOCABULARY.replace("|\n", "|").split("\n\n")
)
AREAS = [Area(*rows) for rows in AREA_ROWS]
COMMON_TAGS, CLIENTS, PLACES, ENDINGS, NOTES, REMARKS = SHARED_ROWS
ENDINGS += [f" for {each}" for each in CLIENTS] + [f" in {each}" for each in PLACES]
REMARKS += ["\nTo do:\n- collect the facts\n- write them down\n- tell {client}"]
TAGS = sorted({*COMMON_TAGS, *(tag for each in AREAS for tag in each.tags)})
