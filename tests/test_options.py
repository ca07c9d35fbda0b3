"""Defaults stand once: functions, command line, help and TOML file have them from `nmcfast.options`."""

import argparse
import inspect
import re
from dataclasses import fields

import pytest

from nmcfast.bulk import generate_library
from nmcfast.calibration.shells.calibrate import calibrate_shell_model
from nmcfast.calibration.shells.fit import calibrate_shells
from nmcfast.cli import common
from nmcfast.cli.generate import _read_config
from nmcfast.errors import InputError
from nmcfast.options import GenerateOptions, SectionOptions, ShellOptions, TrainingOptions, VolumeOptions, kinds

GROUPS = (GenerateOptions, VolumeOptions, ShellOptions, SectionOptions, TrainingOptions)


def parsed(group, *arguments):
    parser = argparse.ArgumentParser()
    common.add_options(parser, group)
    return parser.format_help(), parser.parse_args(arguments)


@pytest.mark.parametrize("group", GROUPS)
def test_each_option_is_on_the_command_line_with_its_default(group):
    text, nothing = parsed(group)
    said = " ".join(text.split())
    for option in fields(group):
        assert f"--{option.name.replace('_', '-')}" in said
        meaning = option.metadata["help"]
        assert (meaning if option.default in (None, False) else f"{meaning} ({option.default})") in said
    assert common.chosen_options(nothing, group) == group()


def test_what_is_given_goes_before_the_file_and_the_file_before_the_default():
    _, given = parsed(GenerateOptions, "--count", "0", "--voxel-size", "0.1", "--no-labels")
    chosen = common.chosen_options(given, GenerateOptions, {"count": 7, "seed": 8, "overwrite": True})
    assert chosen == GenerateOptions(count=0, voxel_size=0.1, no_labels=True, seed=8, overwrite=True)


@pytest.mark.parametrize(
    ("function", "group"),
    [(generate_library, GenerateOptions), (calibrate_shells, ShellOptions), (calibrate_shell_model, ShellOptions)],
)
def test_functions_take_their_defaults_from_the_options(function, group):
    parameters = inspect.signature(function).parameters.items()
    defaults = {name: p.default for name, p in parameters if p.default is not p.empty}
    files = {"indices"}  # of the command line, where functions take what is in them
    names = [option.name for option in fields(group) if option.name in defaults and option.name not in files]
    shared = {option.name: option.default for option in fields(group) if option.name in names}
    assert shared and {name: defaults[name] for name in shared} == shared
    written = re.sub(r'""".*?"""', "", inspect.getsource(function), flags=re.DOTALL)
    for name in shared:
        assert re.search(rf"{name}: .* = (not |int\()?{group.__name__}\.{name}", written), name


@pytest.mark.parametrize("text", ["workers = 2", "workers = 'auto'", "voxel_size = 1", "shards = '0:2'"])
def test_a_file_may_say_it_as_people_would(tmp_path, text):
    (tmp_path / "run.toml").write_text(text)
    assert len(_read_config(tmp_path / "run.toml")) == 1


@pytest.mark.parametrize("text", ["workers = 1.5", "voxel_size = true", "shards = 2", "count = 1.0", "no_labels = 1"])
def test_a_file_with_another_kind_is_refused(tmp_path, text):
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(InputError, match="expected"):
        _read_config(tmp_path / "run.toml")


def test_a_text_comes_first_where_a_number_may_be_one():
    assert {o.name: kinds(o) for o in fields(GenerateOptions)}["workers"] == (str, int)
