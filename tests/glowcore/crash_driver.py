"""A process that saves small model folders and is killed during a save; the tests check the folder afterwards.

    python crash_driver.py points FOLDER           die at every system call of a save in turn, check after each
    python crash_driver.py kill FOLDER COUNT SEED  SIGKILL a saving child COUNT times at random, check each time;
                                                   print how often that was during a save
    python crash_driver.py full FOLDER LIMIT       save with files limited to LIMIT bytes
    python crash_driver.py write FOLDER            save without pause until standard input is closed

Every save writes one number into the config, every weight and the attributes, so that a mixture of saves is detected.
"""

import os
import random
import resource
import select
import signal
import sys
import time
from pathlib import Path

import torch

from glowcore.errors import CheckpointError
from glowcore.storage.model_folder import read_folder, write_folder

FILES = {"config.json", "model.safetensors", "attributes.safetensors", "manifest.json"}
CALLS = ("mkdir", "open", "fsync", "replace", "unlink", "rmdir")


def save(folder, number, size=40_000):
    config = {
        "format_version": 1, "model": "test", "config": {}, "metadata": {"number": number}, "glowcore_version": "0",
    }  # fmt: skip
    tensors = {"a": torch.full((size,), float(number)), "b": torch.tensor(number)}
    # Every third save has no attributes, so that the file of the previous save must be removed.
    attributes = ({"d": torch.full((100,), float(number))}, {"number": number}) if number % 3 else None
    write_folder(folder, config, tensors, attributes)


def read(folder):
    """Return the number of the save in the folder, after checking that all files belong to it."""
    contents = read_folder(folder)
    number = contents.config["metadata"]["number"]
    assert int(contents.tensors["b"]) == number
    assert bool((contents.tensors["a"] == number).all())
    assert (contents.attributes is None) == (number % 3 == 0)
    if contents.attributes:
        assert contents.attributes[1]["number"] == number
        assert bool((contents.attributes[0]["d"] == number).all())
    return number


def leftovers(folder):
    return {path.name for path in Path(folder).iterdir()} - FILES - {"README.md"}


def crash_points(folder):
    """Exit at the 1st, 2nd, ... system call of a save until a save completes; each time the folder is old or new."""
    number, point = 1, 0
    save(folder, number)
    while True:
        point += 1
        child = os.fork()
        if child == 0:
            _die_at(point)
            save(folder, number + 1)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        saved = read(folder)
        assert saved in (number, number + 1), (point, number, saved)
        number = saved
        if code == 0:
            assert not leftovers(folder), leftovers(folder)
            return point
        if point % 2:  # in the other half, the next save starts from the interrupted state
            number += 1
            save(folder, number)
            assert read(folder) == number
            assert not leftovers(folder), leftovers(folder)


def _die_at(point):
    remaining = point

    def dying(function):
        def call(*args, **kwargs):
            nonlocal remaining
            remaining -= 1
            if remaining == 0:
                os._exit(9)
            return function(*args, **kwargs)

        return call

    for name in CALLS:
        setattr(os, name, dying(getattr(os, name)))


def kill(folder, count, seed):
    """Kill a child that saves continuously; the folder holds the last save that it reported, or the next one."""
    rng, interrupted = random.Random(seed), 0
    save(folder, 1)
    for _ in range(count):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            number = read(folder)
            while True:
                number += 1
                save(folder, number)
                os.write(writer, f"{number} ".encode())
        os.close(writer)
        start, before = read(folder), leftovers(folder)
        time.sleep(rng.uniform(0, 0.08))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        reported = [int(n) for n in os.read(reader, 1 << 20).split()]
        os.close(reader)
        last = reported[-1] if reported else None
        interrupted += leftovers(folder) not in (set(), before)
        saved = read(folder)
        assert saved in ((last, last + 1) if last else range(start, start + 2)), (start, last, saved)
    save(folder, 1)
    assert not leftovers(folder), leftovers(folder)
    return interrupted


def full(folder, limit):
    """Try to save beyond the limit; report the error as the command line does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        save(folder, 2)
    except CheckpointError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def write(folder):
    number = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        number += 1
        save(folder, number)
    return number


if __name__ == "__main__":
    torch.set_num_threads(1)
    job, folder, *numbers = sys.argv[1:]
    jobs = {"points": crash_points, "kill": kill, "full": full, "write": write}
    print(jobs[job](folder, *map(int, numbers)))
