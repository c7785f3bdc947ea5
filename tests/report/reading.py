"""Read a page as a browser's parser does: its tags, its text, the rows of its tables, and all that it would load."""

from __future__ import annotations

import re
from html.parser import HTMLParser

SELF_CONTAINED = {"meta", "link", "br", "input", "img", "base", "embed"}


class Reader(HTMLParser):
    """Collect tags with their attributes, the visible text, the scripts, and the cells of every table row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.scripts: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in SELF_CONTAINED:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.scripts[-1] += data
        elif "style" not in self.open:
            self.text += data
            if "td" in self.open or "th" in self.open:
                self.rows[-1][-1] += data

    def row(self, first: str) -> list[str]:
        """Give the first row that begins with these words, blanks folded."""
        folded = [[" ".join(cell.split()) for cell in row] for row in self.rows]
        return next(row for row in folded if row and row[0] == first)


def loads(page: str) -> list[str]:
    """List all that a browser would fetch, and every script beside the first."""
    read = Reader(page)
    fetching = ("link", "iframe", "object", "embed", "img", "base", "form", "audio", "video", "source", "use", "image")
    found = [tag for tag, _ in read.tags if tag in fetching]
    names = ("src", "href", "srcset", "action", "data", "background", "poster", "xlink:href", "style", "formaction")
    for tag, given in read.tags:
        for name, value in given.items():
            inside = name == "href" and tag == "a" and (value or "").startswith("#")
            if (name in names or name.startswith("on")) and not inside:
                found.append(f"{tag} {name}")
    return found + ["a second script"] * (len(read.scripts) > 1) + re.findall(r"https?://|url\(|@import", page)
