"""Pictures of figures, as SVG, and the same figures as a table: which marks there are, and where each stands.

Lengths are in units of a picture that is WIDTH wide, whatever it is on the screen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

WIDTH, NAMES, NUMBERS, LINE = 360, 108, 66, 18
LONGEST_NAME = 14


@dataclass
class Figure:
    count: int
    url: str
    at_least: bool = False

    def __str__(self) -> str:
        return f"{self.count:,}{' or more' if self.at_least else ''}"


@dataclass
class PlotRow:
    name: str
    figures: Sequence[Figure | None]  # one for each of the plot's series; None is not counted


@dataclass
class Mark:
    """A rectangle, and a larger one around it where it would be too small to be met."""

    figure: Figure
    title: str
    series: int
    x: float
    y: float
    width: float
    height: float
    target: tuple[float, float] | None = None  # its y and height
    opacity: float = 1


@dataclass
class Ground:
    """What the marks stand on."""

    x: float
    y: float
    width: float
    height: float


@dataclass
class Text:
    text: str
    x: float
    y: float
    anchor: str = "start"


@dataclass
class Plot:
    name: str  # its id on the page
    title: str
    note: str
    series: Sequence[str]
    rows: Sequence[PlotRow]
    width = WIDTH

    @property
    def has_legend(self) -> bool:
        return len(self.series) > 1

    @cached_property
    def peak(self) -> int:
        return max((figure.count for row in self.rows for figure in row.figures if figure), default=0)

    @property
    def height(self) -> float:
        raise NotImplementedError

    @property
    def ground(self) -> Ground:
        raise NotImplementedError

    def marks(self) -> Iterator[Mark]:
        raise NotImplementedError

    def texts(self) -> Iterator[Text]:
        raise NotImplementedError

    def counted(self) -> Iterator[tuple[int, int, Figure, str]]:
        """What there is to draw: row, series, figure, and its words."""
        for number, row in enumerate(self.rows):
            for series, figure in enumerate(row.figures):
                if figure and figure.count:
                    yield number, series, figure, f"{row.name}, {self.series[series]}: {figure}"


class Columns(Plot):
    """A column for each row, from left to right; those of a second series hang down."""

    top, bottom, height = 16, 146, 166

    @property
    def ground(self) -> Ground:
        return Ground(0, self.top + (self.bottom - self.top) / len(self.series) - 0.25, WIDTH, 0.5)

    def marks(self) -> Iterator[Mark]:
        width, most = WIDTH / len(self.rows), (self.bottom - self.top) / len(self.series)
        for number, series, figure, title in self.counted():
            height = max(1, most * figure.count / self.peak)
            y = self.top + most - (0 if series else height)
            target = (self.top + most * series, most)
            yield Mark(figure, title, series, number * width, y, width * 0.85, height, target)

    def texts(self) -> Iterator[Text]:
        yield Text(f"{self.peak:,}", 0, self.top - 4)
        middle = len(self.rows) // 2
        yield Text(self.rows[0].name, 0, self.height - 6)
        yield Text(self.rows[middle].name, WIDTH * (middle + 0.5) / len(self.rows), self.height - 6, "middle")
        yield Text(self.rows[-1].name, WIDTH, self.height - 6, "end")


class Bars(Plot):
    """A bar for each row, from top to bottom, its series one behind the other, and their sum."""

    @property
    def height(self) -> float:
        return LINE * len(self.rows) + 4

    @property
    def ground(self) -> Ground:
        return Ground(NAMES - 0.5, 0, 0.5, self.height)

    @cached_property
    def sums(self) -> list[int]:
        return [sum(figure.count for figure in row.figures if figure) for row in self.rows]

    @cached_property
    def scale(self) -> float:
        return (WIDTH - NAMES - NUMBERS) / max(self.sums)

    def marks(self) -> Iterator[Mark]:
        ends = [float(NAMES)] * len(self.rows)
        for number, series, figure, title in self.counted():
            width = max(1, self.scale * figure.count)
            yield Mark(figure, title, series, ends[number], LINE * number + 3, width, LINE - 5)
            ends[number] += width

    def texts(self) -> Iterator[Text]:
        for number, (row, total) in enumerate(zip(self.rows, self.sums, strict=True)):
            y = LINE * number + 13
            name = row.name if len(row.name) <= LONGEST_NAME else f"{row.name[: LONGEST_NAME - 1]}…"
            yield Text(name, NAMES - 6, y, "end")
            more = "+" if any(figure and figure.at_least for figure in row.figures) else ""
            yield Text(f"{total:,}{more}", NAMES + self.scale * total + 7, y)


class Cells(Plot):
    """A cell for each figure, the darker the more."""

    left, has_legend = 50, False

    @property
    def height(self) -> float:
        return LINE * (len(self.rows) + 1)

    @property
    def ground(self) -> Ground:
        return Ground(self.left, LINE, WIDTH - self.left - 1, self.height - LINE - 1)

    def marks(self) -> Iterator[Mark]:
        width = (WIDTH - self.left) / len(self.series)
        for number, series, figure, title in self.counted():
            x, y = self.left + width * series, LINE * (number + 1)
            yield Mark(figure, title, 0, x, y, width - 1, LINE - 1, opacity=0.15 + 0.85 * figure.count / self.peak)

    def texts(self) -> Iterator[Text]:
        width = (WIDTH - self.left) / len(self.series)
        for series in range(0, len(self.series), 6):
            yield Text(self.series[series], self.left + width * series, LINE - 5)
        for number, row in enumerate(self.rows):
            yield Text(row.name, self.left - 5, LINE * (number + 1) + 13, "end")
