"""The charts: which marks the SVG picture of a chart has, and where. The template also shows the numbers as a table.

Lengths are in the units of the SVG viewBox, which is WIDTH wide.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

WIDTH, NAMES, NUMBERS, LINE = 360, 108, 66, 18
LONGEST_NAME = 14


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
    opacity: float = 1


class Text(NamedTuple):
    text: str
    x: float
    y: float
    anchor: str = "start"


class Picture(NamedTuple):
    height: float
    ground: Box  # the base line, or the background of cells
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
        return len(self.series) > 1 and self.draw is not cells

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
    """A column for each row, from left to right; those of a second series point down."""
    top, most, bottom = 16, 130 / len(plot.series), 160
    width, middle, marks = WIDTH / len(plot.rows), len(plot.rows) // 2, []
    for number, series, figure, title in plot.counted():
        target = Box(number * width, top + most * series, width * 0.85, most)
        height = max(1, most * figure.count / plot.peak)
        box = target._replace(y=top + most - (0 if series else height), height=height)
        marks.append(Mark(figure, title, series, box, target))
    texts = [
        Text(f"{plot.peak:,}", 0, top - 4),
        Text(plot.rows[0].name, 0, bottom),
        Text(plot.rows[middle].name, width * (middle + 0.5), bottom, "middle"),
        Text(plot.rows[-1].name, WIDTH, bottom, "end"),
    ]
    return Picture(bottom + 6, Box(0, top + most - 0.25, WIDTH, 0.5), marks, texts)


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
    return Picture(height, Box(NAMES - 0.5, 0, 0.5, height), marks, texts)


def cells(plot: Plot) -> Picture:
    """A cell for each figure: the higher the count, the darker the cell."""
    left, height = 100, LINE * (len(plot.rows) + 1)
    width = (WIDTH - left) / len(plot.series)
    marks = [
        Mark(figure, title, 0, box, opacity=0.15 + 0.85 * figure.count / plot.peak)
        for number, series, figure, title in plot.counted()
        for box in [Box(left + width * series, LINE * (number + 1), width - 1, LINE - 1)]
    ]
    texts = [Text(plot.series[each], left + width * each, LINE - 5) for each in range(0, len(plot.series), 6)]
    texts += [Text(row.name, left - 5, LINE * number + 13, "end") for number, row in enumerate(plot.rows, 1)]
    return Picture(height, Box(left, LINE, WIDTH - left - 1, height - LINE - 1), marks, texts)
