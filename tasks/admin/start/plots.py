"""The charts: which marks the SVG picture of a chart has, and where. The template also shows the numbers as a table.

Lengths are in the units of the SVG viewBox, which is WIDTH wide.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

WIDTH, NAMES, NUMBERS, LINE = 360, 108, 66, 18
LONGEST_NAME = 14
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass
class Figure:
    count: int
    url: str
    at_least: bool = False

    def __str__(self) -> str:
        return f"{self.count:,}{' or more' if self.at_least else ''}"


class PlotRow(NamedTuple):
    name: str
    figures: Sequence[Figure | None]  # one for each of the plot's series; None was not counted


class Box(NamedTuple):
    x: float
    y: float
    width: float
    height: float


class Mark(NamedTuple):
    figure: Figure
    title: str
    series: int
    box: Box
    target: Box | None = None  # a larger area to click, if the mark itself would be too small


class Text(NamedTuple):
    text: str
    x: float
    y: float
    anchor: str = "start"


class Picture(NamedTuple):
    height: float
    grid: list[Box]  # lines
    marks: list[Mark]
    texts: list[Text]
    width: float = WIDTH


@dataclass
class Plot:
    name: str  # its id on the page
    title: str
    note: str
    series: Sequence[str]
    rows: Sequence[PlotRow]
    draw: Callable[["Plot"], Picture]

    @property
    def has_legend(self) -> bool:
        return len(self.series) > 1

    @cached_property
    def peak(self) -> int:
        return max((figure.count for row in self.rows for figure in row.figures if figure), default=0)

    @cached_property
    def picture(self) -> Picture:
        return self.draw(self)

    def counted(self) -> Iterator[tuple[int, int, Figure, str]]:
        """The figures to draw, each as (row, series, figure, tooltip)."""
        for number, row in enumerate(self.rows):
            for series, figure in enumerate(row.figures):
                if figure and figure.count:
                    yield number, series, figure, f"{row.name}, {self.series[series]}: {figure}"


def columns(plot: Plot) -> Picture:
    """A column for each row, from left to right; those of a second series point down. A line at each round number."""
    left, top, most, bottom = 30, 10, 130 / len(plot.series), 160
    width, marks, step = (WIDTH - left) / len(plot.rows), [], round_step(plot.peak)
    high = step * -(-plot.peak // step)
    for number, series, figure, title in plot.counted():
        target = Box(left + number * width, top + most * series, width * 0.85, most)
        height = max(1, most * figure.count / high)
        box = target._replace(y=top + most - (0 if series else height), height=height)
        marks.append(Mark(figure, title, series, box, target))
    ticks = range(-high * (len(plot.series) - 1), high + 1, step)
    levels = [(abs(tick), top + most - most * tick / high) for tick in ticks]
    texts = [Text(short(tick), left - 5, y + 4, "end") for tick, y in levels]
    months = [(number, row.name) for number, row in enumerate(plot.rows) if row.name.endswith("-01")]
    texts += [Text(MONTHS[int(name[5:7]) - 1], left + width * number, bottom) for number, name in months]
    grid = [Box(left, y - 0.25, WIDTH - left, 0.5) for _, y in levels]
    grid += [Box(left + width * number - 0.5, top, 0.5, bottom - top) for number, _ in months]
    return Picture(bottom + 6, grid, marks, texts)


def round_step(peak: int) -> int:
    """The distance of lines for at most four of them: 1, 2 or 5 times a power of ten."""
    steps = (base * int(f"1{'0' * power}") for power in range(20) for base in (1, 2, 5))
    return next(step for step in steps if 4 * step >= peak)


def short(number: int) -> str:
    """For an axis: 1500 is 1.5k."""
    size, unit = next(((size, unit) for size, unit in ((1_000_000, "M"), (1000, "k")) if number >= size), (1, ""))
    return f"{number / size:g}{unit}"


def bars(plot: Plot) -> Picture:
    """A bar for each row, from top to bottom, with its series side by side and their sum."""
    height, marks, texts = LINE * len(plot.rows) + 4, [], []
    sums = [sum(figure.count for figure in row.figures if figure) for row in plot.rows]
    scale, ends = (WIDTH - NAMES - NUMBERS) / max(sums), [float(NAMES)] * len(sums)
    for number, series, figure, title in plot.counted():
        box = Box(ends[number], LINE * number + 3, max(1, scale * figure.count), LINE - 5)
        marks.append(Mark(figure, title, series, box))
        ends[number] += box.width
    for number, (row, total) in enumerate(zip(plot.rows, sums, strict=True)):
        y = LINE * number + 13
        name = row.name if len(row.name) <= LONGEST_NAME else f"{row.name[: LONGEST_NAME - 1]}…"
        more = "+" if any(figure and figure.at_least for figure in row.figures) else ""
        texts += [Text(name, NAMES - 6, y, "end"), Text(f"{total:,}{more}", NAMES + scale * total + 7, y)]
    return Picture(height, [Box(NAMES - 0.5, 0, 0.5, height)], marks, texts)
