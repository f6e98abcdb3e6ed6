"""What an import brings with it. Torch takes a second and 190 MB, which pictures and a starting server do not need."""

import subprocess
import sys
from pathlib import Path

import pytest

import glowcore
from glowcore.version import __version__

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("module", ["app", "explorer.portraits.face_detector", "explorer.server.sandbox", "glowcore"])
def test_torch_is_not_imported_before_its_first_use(module):
    command = [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    assert module in done.stdout.split()
    assert "torch" not in done.stdout.split()


def test_every_public_name_is_there():
    for name in glowcore.__all__:
        assert getattr(glowcore, name) is not None
    assert glowcore.__version__ == __version__
    assert set(glowcore.__all__) <= set(dir(glowcore))
    assert not hasattr(glowcore, "nothing")


def test_public_modules_are_attributes_of_the_package():
    program = "import glowcore; print(glowcore.errors.ConfigError.__name__, hasattr(glowcore, '__main__'))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["ConfigError", "False"], done.stderr


def test_a_package_that_a_module_lacks_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "glowcore.slerp", raising=False)
    monkeypatch.delattr(glowcore, "slerp", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match="torch"):
        glowcore.slerp  # noqa: B018
