"""Inline components: a folder for each, with HTML, CSS and JavaScript files and a Python function.

The JavaScript has no dependencies, fetches nothing and gets its data as JSON; it never puts text of a user into markup.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_COMMENT_LINES = re.compile(r"^\s*//.*\n", re.MULTILINE)


def sources(name: str, *scripts: str) -> dict[str, str]:
    """Return HTML, CSS and JavaScript of the component in the folder ``name`` as strings.

    The JavaScript is ``shared.js`` of this folder, and then ``scripts``, paths from the component's folder, in the
    given order; the last holds the default export. Lines of comments are left out, because Streamlit sends the sources
    again with every new data: a fifth of the editor's. ``shared.css`` precedes the component's CSS, which may be
    missing.
    """
    folder = HERE / name
    parts = [HERE / "shared.js", *(folder / f"{s}.js" for s in (scripts or (name,)))]
    styles = [HERE / "shared.css", folder / f"{name}.css"]
    return {
        "html": (folder / f"{name}.html").read_text(encoding="utf-8"),
        "css": "\n".join(p.read_text(encoding="utf-8") for p in styles if p.is_file()),
        "js": _COMMENT_LINES.sub("", "\n".join(p.read_text(encoding="utf-8") for p in parts)),
    }


def in_dialog(name: str) -> dict[str, Any]:
    """Return the sources of a component for a dialog: without a shadow root, which the Tab key cannot enter there.

    Its CSS applies to the whole page, so it excludes ``shared.css``, and each rule starts with the component's class.
    """
    css = (HERE / name / f"{name}.css").read_text(encoding="utf-8")
    return {**sources(name), "css": css, "isolate_styles": False}
