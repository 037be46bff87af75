"""`${VAR}` in a plan: replaced when the file is read. `${env:NAME}` is a secret: checked, and left as it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.config.tree import Node, scalar_of
from harness.errors import Problem

# `$$` is a dollar sign; the rest is the subset of the shell's forms that Compose files taught everyone.
_REFERENCE = re.compile(
    r"\$\$|\$\{(?:(?P<secret>env:(?P<secret_name>[A-Za-z_][A-Za-z0-9_]*))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<form>:[-?])(?P<rest>[^{}]*))?)\}"
)
SECRET = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


def secret_names(text: str) -> tuple[str, ...]:
    """The environment variables that the secrets in `text` name, in order."""
    return tuple(SECRET.findall(text))


def expand(tree: Node, environ: Mapping[str, str]) -> list[Problem]:
    """Replace the variables in every scalar of the tree, in place; answers with what could not be replaced.

    A plain scalar is typed anew after the replacement, so `port: ${PORT:-8080}` is a number.
    """
    problems: list[Problem] = []
    for _, node in tree.scalars():
        if isinstance(node.value, str) and "$" in node.value:
            try:
                text = expand_text(node.value, environ)
            except ValueError as error:
                problems.append(node.problem(str(error)))
                continue
            node.value = scalar_of(text) if node.plain else text
    return problems


def expand_text(text: str, environ: Mapping[str, str]) -> str:
    """`"${HOST:-127.0.0.1}:80"` -> `"127.0.0.1:80"`. Raises ValueError for an unset variable or a form we do not know.

    An empty variable counts as unset for `:-` and `:?`, as in the shell.
    """
    rest = _REFERENCE.sub("", text)
    if "${" in rest:
        raise ValueError("not a variable: write ${NAME}, ${NAME:-default}, ${NAME:?message} or ${env:NAME}")

    def value(match: re.Match[str]) -> str:
        if match["secret"]:
            return match[0]
        name = match["name"]
        if name is None:
            return "$"
        if match["form"] is None:
            if name not in environ:
                raise ValueError(
                    f"the environment variable {name} is not set; set it, or give a default: ${{{name}:-...}}"
                )
            return environ[name]
        found = environ.get(name, "")
        if not found and match["form"] == ":?":
            raise ValueError(f"the environment variable {name} is not set: {match['rest'] or 'it is needed'}")
        return found or match["rest"]

    return _REFERENCE.sub(value, text)
