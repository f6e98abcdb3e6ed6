"""Every option of both command lines has a help text, that of a setting from the docstring of its config."""

import argparse
import importlib
import re
from dataclasses import fields

import pytest

from explorer import cli as explorer_cli
from glowcore import cli as glowcore_cli
from glowcore.cli import options
from glowcore.models import CONFIGS
from glowcore.training.settings import TrainSettings


def command_of(cli, name):
    commands = argparse.ArgumentParser().add_subparsers()
    importlib.import_module(f"{cli.__name__}.{name}").add_parser(commands, cli.COMMANDS[name])
    return commands.choices[name]


def glowcore_command(name):
    return command_of(glowcore_cli, name)


def commands():
    return {
        f"{cli.__name__} {name}": command_of(cli, name) for cli in (glowcore_cli, explorer_cli) for name in cli.COMMANDS
    }


def helps(command):
    """Return the help of each option as ``--help`` prints it."""
    formatter = command._get_formatter()
    return {
        "/".join(action.option_strings) or action.dest: formatter._expand_help(action) if action.help else ""
        for action in command._actions
    }


@pytest.mark.parametrize("command", commands().values(), ids=commands())
def test_every_option_is_explained(command):
    texts = helps(command)
    assert [option for option, text in texts.items() if not text] == []
    assert {option: text for option, text in texts.items() if text.startswith("of ")} == {}


@pytest.mark.parametrize("command", commands().values(), ids=commands())
def test_an_empty_path_is_not_taken_for_the_current_folder(command, capsys):
    paths = {"DIR", "FILE", "MODEL", "PHOTO", "PICTURE", "PNG"}
    for action in command._actions:
        if action.metavar in paths:
            with pytest.raises(SystemExit):
                command.parse_args([f"{action.option_strings[0]}="])
            assert f"argument {action.option_strings[0]}: the path is empty" in capsys.readouterr().err


def test_a_setting_is_explained_for_every_model_that_has_it():
    texts = helps(glowcore_command("train"))
    for model, config in CONFIGS.items():
        for field in fields(config):
            flag = f"--{field.name.replace('_', '-')}"
            (text,) = (text for option, text in texts.items() if flag in option.split("/"))
            said = options.described(config, field.name)
            assert said, f"{model} says nothing of {field.name}"
            if not text.startswith(said):
                named = re.search(rf"([a-z, ]+): {re.escape(said)}(; | \(default)", text)[1]
                assert model in named.strip().split(", ")


@pytest.mark.parametrize("model", CONFIGS)
def test_the_default_of_a_setting_is_shown_for_every_model_that_has_it(model):
    texts = helps(glowcore_command("train"))
    for field in fields(CONFIGS[model]):
        flag = f"--{field.name.replace('_', '-')}"
        (text,) = (text for option, text in texts.items() if flag in option.split("/"))
        shown = re.search(r"\(default:? (.*)\)$", text)[1]
        if ":" in text[text.rindex("(default") :]:
            shown = dict(part.split(" ") for part in shown.split(", "))[model]
        assert {"yes": "True", "no": "False"}.get(shown, shown) == str(field.default)


def test_one_text_for_all_is_the_same_in_all():
    text = helps(glowcore_command("train"))["--image-size"]
    (said,) = {options.described(config, "image_size") for config in CONFIGS.values()}
    assert text == f"{said} (default: glow 64, realnvp 32, nice 32, vae 32)"


def test_norm_is_told_apart():
    text = helps(glowcore_command("train"))["--norm"]
    assert text.index("glow: normalisation of each step") < text.index("realnvp: normalisation after each coupling")


def test_training_options_say_what_the_settings_say():
    texts = helps(glowcore_command("train"))
    shown = {
        option: text
        for option, text in texts.items()
        if option.removeprefix("--").replace("-", "_") in {field.name for field in fields(TrainSettings)}
    }
    assert len(shown) == 15
    for option, text in shown.items():
        name = option.removeprefix("--").replace("-", "_")
        default = getattr(TrainSettings, name)
        assert text == options.described(TrainSettings, name) + ("" if default is None else f" (default {default})")
