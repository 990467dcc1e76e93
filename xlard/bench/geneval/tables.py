"""The figures of a run as Markdown: one table to read, one of a fixed shape to share."""

from __future__ import annotations

from collections.abc import Sequence

TASKS = ("single_object", "two_object", "counting", "colors", "position", "color_attr")

_DASH = "\u2013"


def comparison_table(figures: dict) -> str:
    """A table with a row for each task and one for their mean."""
    lines = [
        "| task | prompts | pictures | base | corrected | fix | break | corrected - base, points |",
        "| --- | ---: | ---: | --- | --- | ---: | ---: | --- |",
    ]
    for name, row in {**figures["tasks"], "**overall**": figures["overall"]}.items():
        mean, low, high = (100 * value for value in row["difference"])
        lines.append(
            f"| {name.replace('_', ' ')} | {row['prompts']} | {row['pictures']} | {_share(row['base'])} |"
            f" {_share(row['corrected'])} | {_or_dash(row['fix_rate'])} | {_or_dash(row['break_rate'], 3)} |"
            f" {mean:+.1f} [{low:+.1f}, {high:+.1f}] |"
        )
    return "\n".join(lines)


def table_to_share(figures: dict, about: dict, seeds: Sequence[int], rows: Sequence[dict]) -> str:
    """A table with two rows, for the plain and the corrected picture, and all that other people need to compare theirs.

    ``about`` is ``run.json``, ``rows`` are those of ``pictures.jsonl``.
    """
    # Tasks that are not the benchmark's come last.
    tasks = [*TASKS, *(name for name in figures["tasks"] if name not in TASKS)]
    head = [
        "model",
        "picture",
        "ComfyUI",
        "GPU",
        "steps",
        "seeds",
        "NFE",
        "s",
        "detector",
        *(task.replace("_", " ") for task in tasks),
        "overall",
    ]
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |"]
    for version in ("base", "corrected"):
        scores = [figures["tasks"][task][version][0] if task in figures["tasks"] else None for task in tasks]
        cells = [
            " + ".join(about["models"]) or about["workflow"],
            version,
            about["comfyui"],
            about["gpu"],
            ", ".join(map(str, about["steps"])),
            ", ".join(map(str, seeds)),
            _mean(rows, "nfe", version),
            _mean(rows, "loop_seconds", version),
            about["judges"],
            *map(_or_dash, scores),
            f"{figures['overall'][version][0]:.2f}",
        ]
        # A pipe would end the cell.
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(lines)


def _share(figures: tuple[float, float, float]) -> str:
    mean, low, high = figures
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def _or_dash(value: float | None, digits: int = 2) -> str:
    return _DASH if value is None else f"{value:.{digits}f}"


def _mean(rows: Sequence[dict], figure: str, version: str) -> str:
    values = [row[figure][version] for row in rows if figure in row]
    return f"{sum(values) / len(values):.1f}" if values else _DASH
