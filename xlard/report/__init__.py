"""Reports of the loop: a self-contained HTML page, a before/after picture, and the history as JSON."""

from .write import ReportFiles, history_json, write_report

__all__ = ["ReportFiles", "history_json", "write_report"]
