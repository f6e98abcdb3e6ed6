"""What holds of the application's source: who knows whom, how long files are, and what errors tell."""

from __future__ import annotations

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def _imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    return names | {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}


def test_only_the_app_and_its_pages_know_streamlit():
    for path in [*REPOSITORY.glob("glowcore/**/*.py"), *REPOSITORY.glob("explorer/**/*.py")]:
        roots = {name.split(".")[0] for name in _imports(path)}
        if "ui" not in path.relative_to(REPOSITORY).parts:
            assert "streamlit" not in roots, path
        else:
            assert "torch" not in roots, path
        if path.is_relative_to(REPOSITORY / "glowcore"):
            assert "explorer" not in roots, path


def test_no_page_does_arithmetic_on_latents():
    for path in REPOSITORY.glob("explorer/ui/**/*.py"):
        assert "latents" not in {
            n.attr for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Attribute)
        }


def test_no_file_grows_too_long():
    for path in REPOSITORY.glob("explorer/**/*.*"):
        if path.suffix in (".py", ".js", ".css", ".html") and "vendor" not in path.parts:
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 310, path


def test_every_error_says_what_to_do_next():
    advice = re.compile(r"(; |: |, or )(choose|add|type|copy) ")
    calls = {}
    for path in REPOSITORY.glob("explorer/ui/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("st.error", "st.warning"):
                calls[f"{path.name}: {ast.unparse(node.args[0])}"] = bool(advice.search(ast.unparse(node.args[0])))
    # The first comes with a button to try again; the reasons of the second say themselves what is expected.
    assert [text for text, good in calls.items() if not good] == [
        "frame.py: f'{error}.'",
        "own.py: plain(f'{error}.')",
    ]
    assert len(calls) == 10
