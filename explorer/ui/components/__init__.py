"""Inline components: a folder each, with its HTML, CSS and JavaScript in files and one Python face.

The JavaScript is plain, fetches nothing and gets its data as JSON only; no text of a user is ever put into markup.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SHARED = ("shared.js", "wire.js")


def sources(name: str, *scripts: str) -> dict[str, str]:
    """HTML, CSS and JavaScript of the component in folder `name`, read as strings.

    `scripts` are put together in the order given; the last one holds the default export. `shared.js`, `wire.js` and
    `shared.css` of this folder come first; a component that shows nothing has no CSS of its own.
    """
    folder = HERE / name
    parts = [*(HERE / s for s in SHARED), *(folder / f"{s}.js" for s in (scripts or (name,)))]
    styles = [HERE / "shared.css", folder / f"{name}.css"]
    return {
        "html": (folder / f"{name}.html").read_text(encoding="utf-8"),
        "css": "\n".join(p.read_text(encoding="utf-8") for p in styles if p.is_file()),
        "js": "\n".join(p.read_text(encoding="utf-8") for p in parts),
    }


def in_dialog(name: str) -> dict[str, Any]:
    """The same of a component for a dialog: without a shadow root, into which the Tab key does not go there.

    Its rules reach the whole page, so `shared.css` is not among them, and each begins with the component's own class.
    """
    css = (HERE / name / f"{name}.css").read_text(encoding="utf-8")
    return {**sources(name), "css": css, "isolate_styles": False}
