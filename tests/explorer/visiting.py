"""Visits to the application in Streamlit's AppTest."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted(p.name for p in (REPOSITORY / "explorer" / "ui" / "pages").glob("[a-z]*.py"))


def app() -> AppTest:
    return AppTest.from_file(str(REPOSITORY / "app.py"), default_timeout=60)


def visit(page: str, token: str | None = None) -> AppTest:
    """Open ``page`` and return the application."""
    at = app()
    if token is not None:
        at.query_params["s"] = token
    at.run()
    if page != "edit.py":
        at.switch_page(f"explorer/ui/pages/{page}").run()
    return at


def words(at: AppTest) -> str:
    return " ".join(
        str(e.value) for kind in ("markdown", "caption", "error", "warning", "subheader", "info") for e in at.get(kind)
    )
