"""The runner of all commands: the help that an error names, checks before the work, and a full disk."""

import errno
import functools
import os
import shutil
import signal
import subprocess
import sys

import pytest

import glowcore
from explorer.cli import main as explorer_main
from glowcore.cli import main
from glowcore.errors import GlowcoreError
from tests.glowcore.command_line import refused
from tests.glowcore.tiny import write_model, write_pictures


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A `model` and `faces`."""
    folder = tmp_path_factory.mktemp("shared")
    write_model(folder / "model")
    write_pictures(folder / "faces", 10)
    return folder


@pytest.fixture
def told(capsys):
    """Run a command that must fail with a user's mistake; return its line."""
    return functools.partial(refused, capsys)


def test_a_mistake_of_a_command_s_is_told_with_that_command_s_help(told):
    for argv in (["info", "--foo"], ["info", "--model", "x", "y"], ["info"]):
        assert "(python -m glowcore info --help shows what is expected)" in told(*argv)
    assert "(python -m glowcore --help shows what is expected)" in told("nothing")


def test_an_empty_path_is_told_with_its_option_and_the_help_of_its_command(told):
    for argv in (["info", "--model="], ["scan", "--data", ""], ["train", "--data", ".", "--out", "", "--steps", "2"]):
        option = argv[argv.index("") - 1] if "" in argv else "--model"
        assert told(*argv) == (
            f"error: argument {option}: the path is empty, as of a variable that is not set; . is the current folder "
            f"(python -m glowcore {argv[0]} --help shows what is expected)\n"
        )


def test_an_empty_argument_that_is_no_path_is_left_to_its_option(shared, told):
    argv = ["attributes", "--model", shared / "model", "--data", shared / "faces", "--without", "", "--refine-steps", 0]
    assert told(*argv) == "error: --refine-steps is 0, expected 1 to 1000000\n"  # the first mistake


def test_a_shipped_model_without_its_folder_is_told_where_it_is(shared, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(shared / "model", tmp_path / "pretrained" / "mine")
    for command in ("info", "check", "sample"):
        line = told(command, "--model", "mine")
        assert "argument --model: there is no folder mine, expected such as pretrained/mine, which is there" in line
    assert "mine/other" in told("info", "--model", "mine/other")


def test_messages_name_what_is_expected_and_commands_that_a_shell_takes(shared, told, tmp_path):
    model = write_model(tmp_path / "my model", attributes=False)
    command = f"python -m glowcore attributes --model '{model}' --data DIR fits them"
    edit = ["edit", "--set", "Smiling=1", "--out", tmp_path / "out.png"]
    assert command in told(*edit, "--model", model, "--image", shared / "faces" / "0000.png")
    assert told(*edit, "--model", shared / "model", "--image", ".").startswith("error: .: this is a folder; ")
    assert "manifest.json: missing, expected a folder that this program has saved, such as a model's" in told(
        "sample", "--model", tmp_path, "--out", tmp_path / "out.png"
    )


def test_info_quotes_the_command_that_fits_attributes(tmp_path, capsys):
    write_model(tmp_path / "my model", attributes=False)
    assert main(["info", "--model", str(tmp_path / "my model")]) == 0
    assert f"glowcore attributes --model '{tmp_path / 'my model'}' --data DIR" in capsys.readouterr().out


def test_check_leaves_out_broken_pictures_on_request(shared, told, tmp_path, capsys):
    shutil.copytree(shared / "faces", tmp_path / "faces")
    (tmp_path / "faces" / "notes.jpg").write_text("no picture")
    check = ["check", "--model", shared / "model", "--data", tmp_path / "faces", "--samples", "2", "--odd", "2"]
    assert "--skip-broken" in told(*check)
    assert main([*map(str, check), "--skip-broken"]) in (0, 1)  # a model that has learnt little may miss a bound
    out, err = capsys.readouterr()
    assert "pictures given" in out
    assert "skipped notes.jpg: " in err


def test_attributes_that_could_not_be_stored_are_not_fitted(shared, told, monkeypatch):
    monkeypatch.setattr("glowcore.storage.output.os.access", lambda path, mode: False)
    monkeypatch.setattr("glowcore.cli.attributes.fit_attributes", None)
    assert "model is not writable" in told("attributes", "--model", shared / "model", "--data", shared / "faces")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize(
    "command",
    [
        "-m glowcore info --model MODEL --json",
        "-u -m glowcore info --model MODEL --json",
        "-u -m glowcore --help",
    ],
)
def test_a_full_disk_behind_stdout_is_one_line(shared, command):
    words = command.replace("MODEL", str(shared / "model")).split()
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, *words], stdout=full, stderr=subprocess.PIPE, text=True, env=buffered)
    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: the disk is full\n"


@pytest.mark.parametrize(("words", "code"), [("--help", 1), ("scan --data FACES", 0)])
def test_only_a_command_that_prints_needs_a_stdout(shared, words, code):
    words = words.replace("FACES", str(shared / "faces"))
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m glowcore {words} >&-"], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    expected = "error: the output cannot be written: it is closed\n" if code else "10 pictures, 0 unreadable\n"
    assert done.stderr.endswith(expected)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("program", [main, explorer_main])
def test_an_interrupt_during_the_imports_is_left_to_the_system(monkeypatch, program):
    handlers = []

    def imported(_name):
        handlers.append(signal.getsignal(signal.SIGINT))
        raise GlowcoreError("the end")

    monkeypatch.setattr("importlib.import_module", imported)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(GlowcoreError):
            program(["edit"])
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as of a background job of a shell
        with pytest.raises(GlowcoreError):
            program(["edit"])
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert handlers == [signal.SIG_DFL, signal.SIG_IGN]


@pytest.mark.parametrize("package", ["glowcore", "explorer"])
def test_nothing_heavy_is_imported_before_an_interrupt_is_left_to_the_system(package):
    program = f"import sys, {package}.cli; print(sorted({{'torch', 'numpy'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"


def test_a_full_disk_behind_a_file_of_the_command_s_is_not_taken_for_a_full_stdout(shared, monkeypatch, capsys):
    def full(_args):
        print("begun")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("glowcore.cli.info.run", full)
    with pytest.raises(OSError, match="No space left"):
        main(["info", "--model", str(shared / "model")])
    found = capsys.readouterr()
    assert (found.out, found.err) == ("begun\n", "")


def test_the_version(capsys):
    for program, name in ((main, "glowcore"), (explorer_main, "explorer")):
        with pytest.raises(SystemExit) as end:
            program(["--version"])
        assert end.value.code == 0
        assert capsys.readouterr().out == f"{name} {glowcore.__version__}\n"


@pytest.mark.parametrize("count", [2, 3000])
def test_output_that_nobody_reads_any_more_ends_the_command_quietly(tmp_path, count):
    """As with ``| head -1``, for output below and above the size of Python's buffer."""
    for index in range(count):
        (tmp_path / f"{index:04}.png").write_bytes(b"no picture")
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "glowcore", "scan", "--data", str(tmp_path), "--quiet"]
    with open(writer, "wb") as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["speed", "--batch", "-5"], "--batch is -5, expected 1"),
        (["memory", "--batch", "0"], "--batch is 0, expected 1"),
        (["memory", "--depths", "0"], "--depths is 0, expected 1"),
        (["memory", "--depths", "4,-3"], "--depths is -3, expected 1"),
        (["memory", "--depths", "1,2048"], "--depths is 2048, expected 1"),
        (["memory", "--steps", "1"], "--steps is 1, expected 2"),
        (["speed", "--plot", "x.png"], "--plot belongs to bench memory"),
        (["speed", "--depths", "4"], "--depths belongs to bench memory"),
        (["speed", "--modes", "full"], "--modes belongs to bench memory"),
        (["speed", "--steps", "3"], "--steps belongs to bench memory"),
    ],
)
def test_bench_refuses_before_it_measures(capsys, monkeypatch, argv, told):
    for name in ("speed.measure_speed", "memory.measure_memory"):
        monkeypatch.setattr(f"glowcore.benchmarks.{name}", lambda *_, **__: pytest.fail("it has begun"))
    assert told in refused(capsys, "bench", *argv)
