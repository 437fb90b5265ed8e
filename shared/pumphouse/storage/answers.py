"""The XML that object stores answer with; its namespace depends on the store, and is ignored."""

from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, fromstring


def document(content: bytes) -> Element:
    """The outermost element. Raises xml.etree.ElementTree.ParseError."""
    return fromstring(content.strip())  # noqa: S314 - of the store that we trust with the data


def name_of(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def each(element: Element, name: str) -> Iterator[Element]:
    """The direct children of that name."""
    return (child for child in element if name_of(child) == name)


def text_of(element: Element, name: str) -> str:
    """Of the first direct child of that name; empty without one."""
    return next((child.text or "" for child in each(element, name)), "")


def time_of(element: Element, name: str) -> datetime:
    """Of a child that holds an ISO time; S3 gives them in UTC. Raises ValueError without one."""
    time = datetime.fromisoformat(text_of(element, name))
    return time if time.tzinfo else time.replace(tzinfo=UTC)
