"""Rules that hold for the repository as a whole: who knows whom, no pickle, sizes, errors, floors, settings."""

import ast
import functools
import re
import sys
import tomllib
from importlib.util import resolve_name
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for path in (ROOT / "app.py", *(p for folder in ("glowcore", "explorer") for p in (ROOT / folder).rglob("*.py")))
    if path.exists()
)
UI = [path for path in SOURCES if (ROOT / "explorer" / "ui") in path.parents]
PYTHON = sorted({*SOURCES, *(p for folder in ("tests", "examples") for p in (ROOT / folder).rglob("*.py"))})
WEB = sorted(
    p for kind in ("js", "css", "html") for p in (ROOT / "explorer").rglob(f"*.{kind}") if "vendor" not in p.parts
)
MAX_LINES = 330

# Modules that run or build arbitrary objects from bytes.
UNSAFE_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
UNSAFE_CALLS = {
    *("torch.load", "torch.save", "torch.jit.load", "torch.jit.script", "torch.export.load"),
    *("np.load", "numpy.load", "eval", "exec"),
}
# Modules that reach other machines; tests/loopback.py watches what runs.
NETWORK = ("urllib.request", "urllib3", "http", "requests", "httpx", "aiohttp", "socket", "ssl", "ftplib", "torch.hub")

# Advisories: docs/security.md.
FLOORS = {
    "pillow": "13.0.0",
    "streamlit": "1.67",
    "starlette": "1.3.1",
    "python-multipart": "0.0.32",
    "torch": "2.11",
    "safetensors": "0.5",
    "onnx": "1.21",
    "opencv-python-headless": "5",
    "tqdm": "4.66.3",
}
DISTRIBUTIONS = {"PIL": "pillow", "cv2": "opencv-python-headless", "multipart": "python-multipart"}


@functools.cache
def tree(path):
    return ast.parse(path.read_text("utf-8"), str(path))


@functools.cache
def imported(path, top=False):
    """Full names of all modules a file imports, anywhere in it or only at its top level."""
    names, package = set(), ".".join(path.relative_to(ROOT).parent.parts)
    for node in tree(path).body if top else ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package)
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and re.search(r"\b(import_module|__import__)$", ast.unparse(node.func)):
            names |= {arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)}
    return names


def roots(path):
    return {name.split(".")[0] for name in imported(path)}


def where(paths):
    return [str(path.relative_to(ROOT)) for path in paths]


@functools.cache
def requirements(name):
    lines = (ROOT / name).read_text().splitlines()
    found = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return {requirement.name: requirement for requirement in found}


def test_streamlit_is_imported_only_by_the_app_and_its_pages():
    allowed = {ROOT / "app.py", *UI}
    assert where(path for path in SOURCES if "streamlit" in roots(path) and path not in allowed) == []


def test_arrows_run_one_way():
    library = [path for path in SOURCES if (ROOT / "glowcore") in path.parents]
    assert library
    assert where(path for path in library if {"explorer", "app"} & roots(path)) == []
    services = [p for p in SOURCES if (ROOT / "explorer") in p.parents and (ROOT / "explorer" / "ui") not in p.parents]
    assert where(path for path in services if any(name.startswith("explorer.ui") for name in imported(path))) == []
    assert where(path for path in (*services, *UI) if "app" in roots(path)) == []


def test_what_measures_a_model_trains_none():
    measures = [path for path in SOURCES if ROOT / "glowcore" / "evaluation" in path.parents]
    assert measures
    trains = [path for path in measures if any(name.startswith("glowcore.training") for name in imported(path))]
    assert where(trains) == []


def test_no_page_imports_torch_or_does_arithmetic_on_latents():
    assert UI
    assert where(path for path in UI if "torch" in roots(path)) == []
    attributes = {path: {n.attr for n in ast.walk(tree(path)) if isinstance(n, ast.Attribute)} for path in UI}
    assert where(path for path in UI if "latents" in attributes[path]) == []


def test_every_error_on_a_page_says_what_to_do_next():
    advice = re.compile(r"(; |: |, or )(choose|add|type|copy|take) ")
    without = []
    for path in UI:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("st.error", "st.warning"):
                text = ast.unparse(node.args[0])
                without += [] if advice.search(text) else [f"{path.name}: {text}"]
    # The first comes with a button to try again, the second is held by the test of the panel, and the reasons of the
    # others say themselves what is expected: those of a name and those of a fit.
    reason = "own.py: plain(f'{error}.')"
    assert without == ["frame.py: f'{error}.'", "own.py: plain(outcome.sentences)", reason, reason]


def test_nothing_unpickles():
    assert where(path for path in SOURCES if UNSAFE_MODULES & roots(path) or UNSAFE_CALLS & imported(path)) == []
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in UNSAFE_CALLS, f"{path}:{node.lineno}"
                assert not any(keyword.arg == "allow_pickle" for keyword in node.keywords), f"{path}:{node.lineno}"


def test_nothing_is_downloaded_and_nothing_leaves_the_machine():
    for path in SOURCES:
        attributes = {ast.unparse(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
        names = roots(path)
        used = imported(path) | {name for name in attributes if name.split(".")[0] in names}
        reaching = [name for name in used if f"{name}.".startswith(tuple(f"{module}." for module in NETWORK))]
        assert reaching == [], path
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.keyword) and node.arg == "download":
                assert ast.unparse(node.value) == "False", f"{path}:{node.lineno}"


def test_no_file_outgrows_one_idea():
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in (*PYTHON, *WEB)}
    assert WEB
    assert {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > MAX_LINES} == {}


def test_security_floors_are_declared():
    declared = requirements("requirements.txt")
    for name, floor in FLOORS.items():
        lowest = [Version(s.version) for s in declared[name].specifier if s.operator in (">=", "~=", "==")]
        assert lowest, f"{name} has no floor"
        assert max(lowest) >= Version(floor), f"{name} may be older than {floor}"


def test_metadata_takes_its_dependencies_from_the_requirement_files():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert {"dependencies", "optional-dependencies", "version"} <= set(project["project"]["dynamic"])
    dynamic = project["tool"]["setuptools"]["dynamic"]
    assert dynamic["dependencies"] == {"file": ["requirements.txt"]}
    assert dynamic["optional-dependencies"]["test"] == {"file": ["requirements-dev.txt"]}


def test_an_installation_holds_every_file_of_the_packages():
    """Besides the modules; ``py.typed`` tells type checkers that these have annotations (PEP 561)."""
    installed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    for package in ("glowcore", "explorer"):
        folder = ROOT / package
        held = {path for pattern in installed[package] for path in folder.glob(pattern)}
        assert folder / "py.typed" in held
        files = {path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
        assert where(files - held) == []


def test_requirements_are_ranges_not_pins():
    for name in ("requirements.txt", "requirements-dev.txt"):
        for requirement in requirements(name).values():
            operators = {s.operator for s in requirement.specifier}
            assert {">="} <= operators <= {">=", "<", "!="}, requirement


@pytest.mark.parametrize("path", SOURCES, ids=where(SOURCES))
def test_every_import_is_declared(path):
    """At the top of a file from requirements.txt; inside a function, for what is optional, from the other too."""
    needed = {name.lower().replace("-", "_") for name in requirements("requirements.txt")}
    optional = needed | {name.lower().replace("-", "_") for name in requirements("requirements-dev.txt")}
    outside = roots(path) - {"glowcore", "explorer", "app"} - set(sys.stdlib_module_names)
    late = outside - {name.split(".")[0] for name in imported(path, top=True)}
    for name in outside:
        distribution = DISTRIBUTIONS.get(name, name).lower().replace("-", "_")
        assert distribution in (optional if name in late else needed), f"{path.name} imports {name}, undeclared"


def test_no_file_names_the_folder_of_shared_test_data():
    texts = [*PYTHON, *ROOT.glob("*.md"), *ROOT.glob("*.toml"), *ROOT.glob("*.txt"), *(ROOT / "docs").rglob("*.md")]
    texts += [*(ROOT / "pretrained").rglob("*.md"), *(ROOT / "pretrained").rglob("*.json"), ROOT / "Makefile"]
    pattern = re.compile(r"\.\./" + "shared")
    assert where(path for path in texts if pattern.search(path.read_text("utf-8"))) == []
