"""docs/code.md names every module that there is, where it is, and none that there is not."""

import re
from pathlib import Path

import pytest

from tests.test_project import imported

ROOT = Path(__file__).parents[1]
#: Packages of the explorer, each of which imports only those before it.
LAYERS = (
    "server",
    "pixels",
    "edits",
    "portraits",
    "catalogue",
    "engines",
    "wording",
    "atlas",
    "own",
    "session",
    "views",
    "ui",
)
INNER = ("fused", "training", "data", "attributes", "classifiers", "evaluation", "ablation", "storage")
PACKAGES = (
    "glowcore",
    *(f"glowcore/{name}" for name in INNER),
    "explorer",
    *(f"explorer/{name}" for name in LAYERS),
)


def sections():
    """Names in backticks by heading; what stands above the first heading is under the empty one."""
    head, *rest = re.split(r"^## ", (ROOT / "docs" / "code.md").read_text("utf-8"), flags=re.MULTILINE)
    return {"": named(head), **{title: named(text) for title, text in (part.split("\n", 1) for part in rest)}}


def named(text):
    return [name for name in re.findall(r"`([^`]+)`", text) if re.fullmatch(r"[\w/]+(\.py)?", name)]


def modules(package):
    """Modules of a package and packages within it that have a line of their own: all but the dunder ones."""
    folder = ROOT / package
    inside = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/*.py")}
    return {name for name in inside if not name.startswith("_")} - {
        Path(other).name for other in PACKAGES if Path(other).parent == Path(package)
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_is_named_once_and_exists(package):
    names = sections()[package]
    assert sorted(names) == sorted(modules(package))


def test_every_path_exists():
    names = [name for found in sections().values() for name in found if "/" in name or name.endswith(".py")]
    assert len(names) > 10
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_packages_of_the_explorer_stand_in_their_order():
    titles = [title.partition("/")[2] for title in sections() if title.startswith("explorer/")]
    assert tuple(titles) == LAYERS


@pytest.mark.parametrize("number", range(len(LAYERS)), ids=LAYERS)
def test_a_package_of_the_explorer_imports_only_those_before_it(number):
    own = sorted((ROOT / "explorer" / LAYERS[number]).rglob("*.py"))
    assert len(own) > 1
    after = tuple(f"explorer.{name}" for name in (*LAYERS[number + 1 :], "cli"))
    assert [name for path in own for name in imported(path) if name.startswith(after)] == []
