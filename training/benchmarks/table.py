"""Timings as Markdown, and the page that collects them."""

import pathlib
import re
import statistics

from keras_genseq.export import atomic
from training.benchmarks.timing import fastest_peer
from training.markdown import markdown_table

_PREAMBLE = """\
# Benchmarks

Where candidates are compared, each has a process of its own, which nobody
stops: blocks of calls take turns, each begins with a call that is not timed,
and the median of the blocks' medians counts. A ratio above 1 says how many
times longer than ours a candidate takes. Below a table stand the fastest of the
others, and what a block takes alone, while no other process is there. Each
section has its own command.
"""


def timing_table(timings, ours, *, work=1, unit=None):
    """A Markdown table of timings.

    Args:
        timings: dict of name to `Timing`.
        ours: str. Name of the candidate to which the others are compared.
        work: number. Units of work done by one call.
        unit: str. Their name (`"samples"`), for a column of rates, or None.

    Returns:
        str: the table; below it the fastest of the other candidates, and how
        what was timed alone compares.
    """
    header = ["candidate", "median ms", "medians of blocks ms"]
    header += [f"{unit}/s"] if unit else []
    header += ["ratio to ours", "first call s"]
    rows = []
    for name, timing in timings.items():
        row = [name, _milliseconds(timing.median), _range(timing)]
        row += [_significant(work / timing.median)] if unit else []
        row.append(f"{timing.median / timings[ours].median:.2f}")
        row.append(f"{timing.first_call:.2f}")
        rows.append(row)
    lines = [markdown_table(header, rows), *_remarks(timings, ours)]
    return "\n\n".join(lines)


def _remarks(timings, ours):
    fastest = fastest_peer(timings, ours)
    if fastest:
        ratio = timings[ours].median / timings[fastest].median
        yield f"Ours takes {ratio:.2f} of the fastest other, {fastest}."
    alone = [timing for timing in timings.values() if timing.alone]
    if alone:
        parts = []
        for timing in alone:
            seconds = statistics.median(timing.alone)
            change = seconds / timing.median - 1.0
            parts.append(
                f"{timing.name} {_milliseconds(seconds)} ms ({change:+.1%})"
            )
        yield f"A block alone: {'; '.join(parts)}."


def write_section(path, title, text):
    """Replaces or appends one `## title` section of a page.

    Args:
        path: path of the Markdown file; it is made where there is none.
        title: str.
        text: str. The section below its title; its own headings are `###` or
            deeper.

    Raises:
        ValueError: if the text would start a section of its own.
    """
    if _sections(text)[1]:
        raise ValueError(
            f"The text of section {title!r} holds a heading of its own level "
            "(`## `). Use `###` below it."
        )
    path = pathlib.Path(path)
    page = path.read_text("utf-8") if path.exists() else _PREAMBLE
    preamble, sections = _sections(page)
    sections[title] = f"\n{text.strip()}\n"
    parts = [preamble.rstrip() + "\n"]
    parts += [
        f"## {name}\n{body.rstrip()}\n" for name, body in sections.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_text(str(path.absolute()), "\n".join(parts))


def _sections(page):
    """What stands before the first `##` heading, and a dict of sections."""
    preamble, *rest = re.split(r"^## +(.*)\n", page, flags=re.MULTILINE)
    return preamble, dict(zip(rest[::2], rest[1::2], strict=True))


def _range(timing):
    if timing.is_single:
        return "one run"
    return f"{_milliseconds(timing.min)}-{_milliseconds(timing.max)}"


def _milliseconds(seconds):
    return _significant(1000.0 * seconds)


def _significant(value):
    """Three digits that count, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
