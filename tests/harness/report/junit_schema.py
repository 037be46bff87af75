"""Is a JUnit file one by `data/junit.xsd`? As much of XML Schema as that file uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as Tree

SCHEMA = Path(__file__).parent / "data" / "junit.xsd"
_XS = "{http://www.w3.org/2001/XMLSchema}"
_TYPES = {
    "xs:string": r"(?s).*",
    "xs:nonNegativeInteger": r"\d+",
    "xs:decimal": r"[+-]?(\d+(\.\d*)?|\.\d+)",
    "xs:dateTime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?",
}
_OCCURS = {("0", "1"): "?", ("0", "unbounded"): "*", ("1", "1"): "", ("1", "unbounded"): "+"}


def breaches(text: str) -> list[str]:
    """What of the document is not as the schema has it."""
    schema = Tree.parse(SCHEMA).getroot()
    declared = {element.attrib["name"]: element for element in schema.findall(f"{_XS}element")}
    root = Tree.fromstring(text)
    found = [] if root.tag == "testsuites" else [f"the root is {root.tag}"]
    return found + [breach for element in root.iter() for breach in _of(element, declared.get(element.tag))]


def _of(element: Tree.Element, declared: Tree.Element | None) -> Iterator[str]:
    if declared is None:
        yield f"no element {element.tag}"
        return
    model = declared.find(f"{_XS}complexType")
    assert model is not None
    attributes = {a.attrib["name"]: a.attrib for a in model.findall(f"{_XS}attribute")}
    for name, value in element.attrib.items():
        if name not in attributes:
            yield f"{element.tag} has no attribute {name}"
        elif not re.fullmatch(_TYPES[attributes[name]["type"]], value):
            yield f"{element.tag} {name}={value!r} is no {attributes[name]['type']}"
    for name, attribute in attributes.items():
        if attribute.get("use") == "required" and name not in element.attrib:
            yield f"{element.tag} lacks {name}"
    order = "".join(
        f"(?:{re.escape(child.attrib['ref'])} ){_OCCURS[child.get('minOccurs', '1'), child.get('maxOccurs', '1')]}"
        for child in model.iterfind(f"{_XS}sequence/{_XS}element")
    )
    if not re.fullmatch(order, "".join(f"{child.tag} " for child in element)):
        yield f"{element.tag} holds {[child.tag for child in element]}"
    if model.get("mixed") != "true" and (element.text or "").strip():
        yield f"{element.tag} holds text"
