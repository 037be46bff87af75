"""What all pages share: the template engine that escapes everything, the style sheet, the words for numbers."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.report import words
from harness.report.plain import line, visible
from harness.report.summary import needs
from harness.units import format_duration


def render(template: str, **context: Any) -> str:
    """The page of one template: a file by itself, without script or network."""
    styles = (resources.files("harness.report") / "styles.css").read_text("utf-8")
    page = _environment().get_template(template)
    return page.render(styles=Markup(styles), **context)  # noqa: S704 -- our own file


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "count": words.count,
        "duration": format_duration,
        "needs": needs,
        "quantity": words.quantity,
        "rate": words.rate,
        "sentence": lambda text: text[:1].upper() + text[1:],
        "share": words.share,
        "shown": line,
    }
    return environment


def _shown(value: object) -> object:
    """Every expression of a template passes here before it is escaped: no control character comes through."""
    if isinstance(value, Markup):
        return value
    return "" if value is None else visible(str(value))
