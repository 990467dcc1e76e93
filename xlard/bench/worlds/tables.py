"""A run's figures as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..statistics import interval

EXACT = "exact_judge"
"""The variant of a method that has the exact checker in the critic's place."""

DETECTOR, PAIR = "detector", "pair"
"""Those that have the world's detector there, and detector and critic together."""

_NOTE = f"\n:{EXACT}: the exact checker is in the critic's place, for reference; no artist has one."


def table(summaries: dict[str, dict]) -> str:
    """The comparison, one method a line."""
    rows = [
        [
            name,
            with_interval(row["accuracy"]),
            share(row["fix_rate"]),
            share(row["break_rate"]),
            f"{row['nfe']:.1f}",
            f"{row['seconds']:.2f}",
            f"{row['critic_calls']:.2f}",
            share(row["critic_passed"]),
            share(row["change"]),
            share(row["diversity"]),
        ]
        for name, row in summaries.items()
    ]
    heads = [
        "method",
        "accuracy [95 %]",
        "fix",
        "break",
        "NFE",
        "s",
        "critic calls",
        "critic passed",
        "change",
        "diversity",
    ]
    return markdown(heads, rows) + (_NOTE if any(name.endswith(f":{EXACT}") for name in summaries) else "")


def curves(summaries: dict[str, dict]) -> str:
    """What each method had reached, and spent, at each cap."""
    rows = [
        [
            name,
            f"{cap}x",
            with_interval(figures["accuracy"]),
            share(figures["fix_rate"]),
            share(figures["break_rate"]),
            f"{figures['nfe']:.1f}",
            f"{figures['seconds']:.2f}",
        ]
        for name, cap, figures in _at_caps(summaries)
    ]
    return markdown(["method", "cap", "accuracy [95 %]", "fix", "break", "NFE", "s"], rows)


def tasks(summaries: dict[str, dict]) -> str:
    """Accuracy of each task at each cap."""
    names = sorted({task for row in summaries.values() for task in row["tasks"]})
    rows = [
        [name, f"{cap}x", *(with_interval(figures["tasks"][task]) for task in names)]
        for name, cap, figures in _at_caps(summaries)
    ]
    return markdown(["method", "cap", *names], rows)


def differences(summaries: dict[str, dict], clusters: Sequence[int]) -> str:
    """How far the last method is ahead of each earlier one on the same pictures, in the end and at caps that both came
    to.
    """
    *earlier_names, last_name = summaries
    last = summaries[last_name]
    lines = []
    for name in earlier_names:
        earlier = summaries[name]
        shared_caps = [cap for cap in last["caps"] if cap in earlier["caps"]]
        comparisons = [("in the end", earlier["right"], last["right"])] + [
            (f"{cap}x", earlier["caps"][cap]["right"], last["caps"][cap]["right"]) for cap in shared_caps
        ]
        for cap, right_before, right_after in comparisons:
            gains = [after - before for before, after in zip(right_before, right_after)]
            mean, low, high = interval(gains, clusters)
            lines.append([f"{last_name} - {name}", cap, f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"])
    return markdown(["difference", "cap", "accuracy [95 %]"], lines)


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *rows])


def share(value: float | None) -> str:
    """A share in [0, 1]; nothing for None."""
    return "" if value is None else f"{value:.3f}"


def with_interval(figure: tuple[float, float, float]) -> str:
    """A mean and the ends of its interval."""
    mean, low, high = figure
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def _at_caps(summaries: dict[str, dict]) -> Iterator[tuple[str, str, dict]]:
    return ((name, cap, figures) for name, row in summaries.items() for cap, figures in row["caps"].items())
