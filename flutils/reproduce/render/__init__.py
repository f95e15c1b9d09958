"""Result files as markdown: the tables of README."""

from flutils.reproduce.render.report import render_report

__all__ = ["render_report"]
