"""A first plan: templates that validate as they are, written where nothing is overwritten."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import Problem, UsageError

TEMPLATES = ("chat", "rag", "agent", "gateway", "self-hosted", "openai", "anthropic")
NO_KEY = "none"
"""In place of the variable's name: the endpoint takes requests without a key."""
_FOLDER = Path(__file__).parent / "templates"
_OPENAI_TARGET = "https://api.openai.com/v1"
_OPENAI_MODEL = "gpt-4o-mini"


def starter_files(template: str, target: str = "", model: str = "", key: str = "") -> dict[str, str]:
    """The files of a template, name to text. `target`, `model` and `key` (the variable with the API key, or `none`)
    replace those of the `openai` template. Raises UsageError for an unknown template or a target that is no URL."""
    if template not in TEMPLATES:
        raise UsageError(Problem(f"no template {template!r}", f"templates: {', '.join(TEMPLATES)}"))
    if template != "openai" and (target or model or key):
        raise UsageError(Problem("--target, --model and --key fill in the openai template", "add --template openai"))
    plan = (_FOLDER / f"{template}.yaml").read_text(encoding="utf-8")
    if template == "openai":
        plan = _filled_in(plan, target or _OPENAI_TARGET, model or _OPENAI_MODEL, key or "OPENAI_API_KEY")
    return {"plan.yaml": plan, "slo.yaml": (_FOLDER / f"{template}.slo.yaml").read_text(encoding="utf-8")}


def write_starter(folder: Path, files: dict[str, str], force: bool = False) -> list[Path]:
    """Write the files into `folder` (made where it is missing). Raises UsageError, with nothing written, where one of
    them is there already and `force` is not given, or where the folder cannot be written."""
    paths = [folder / name for name in files]
    there = [path for path in paths if path.exists()]
    if there and not force:
        raise UsageError(
            *(Problem(f"{path} is there already", "another folder, or --force to replace it") for path in there)
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, files.values(), strict=True):
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(Problem(f"cannot write to {folder}: {error.strerror}")) from None
    return paths


def _filled_in(plan: str, target: str, model: str, key: str) -> str:
    url = urlsplit(target)
    if url.scheme not in ("http", "https") or not url.hostname or url.username is not None:
        raise UsageError(Problem(f"not an http or https URL: {target!r}", "write it like https://api.example.com/v1"))
    if not (key.isidentifier() and key.isascii()):
        raise UsageError(
            Problem(f"not the name of an environment variable: {key!r}", "the key itself is never written")
        )
    replaced = {
        _OPENAI_TARGET: f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}",
        "[api.openai.com]": f"[{url.hostname}]",
        "OPENAI_API_KEY": key,
        _OPENAI_MODEL: _quoted(model),
    }
    for old, new in replaced.items():
        plan = plan.replace(old, new)
    lines = plan.splitlines(keepends=True)
    return "".join(line for line in lines if key != NO_KEY or not line.startswith("headers:"))


def _quoted(text: str) -> str:
    """As YAML: quoted where a bare word would not do."""
    if text.replace("-", "").replace(".", "").replace("_", "").replace("/", "").isalnum() and text[0].isalpha():
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
