"""The picture of a particle: it shows the labels, in the colours of the grains, and says their numbers."""

import numpy as np
import pytest
from test_cli import call
from test_generate import SMALL

from nmcfast import generate_particle
from nmcfast.generate import generate_library

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
from nmcfast.view.preview import grain_colours, numbers, preview, section_image, surface_image


def test_a_section_shows_grains_and_their_boundaries() -> None:
    labels = np.array([[0, 1, 1, 2], [0, 1, 1, 2]])
    colours = grain_colours(2)
    image = section_image(labels, colours)
    assert np.array_equal(image[1, 0], [1, 1, 1]) and np.array_equal(image[1, 2], colours[1])
    assert (image[:, [1, 3]] == 0.15).all(), "where labels change"


def test_grains_have_colours_of_their_own() -> None:
    colours = grain_colours(3000)
    assert len(np.unique(colours.round(6), axis=0)) == 3001
    near = np.abs(np.diff(colours[1:], axis=0)).max(axis=1)
    assert near.min() > 0.1, "neighbours in number differ"


def test_the_surface_is_what_lies_on_top_and_is_lit_from_one_side() -> None:
    z, y, x = np.indices((41, 41, 41)) - 20
    ball = (x**2 + y**2 + z**2 <= 18**2).astype(np.uint16)
    ball[(ball > 0) & (z > 0)] = 2
    colours = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 1.0]])
    image = surface_image(ball, colours)
    assert np.array_equal(image[0, 0], [1, 1, 1])
    assert image[20, 20, 2] > 0.5 and image[20, 20, 0] == 0, "label 2 is above label 1"
    assert image[28, 12, 2] > image[12, 28, 2] + 0.2, "light comes from the left and above"


def test_a_picture_of_a_model_and_of_a_library(capsys, tmp_path) -> None:
    model = tmp_path / "small.safetensors"
    model.write_bytes(SMALL.to_bytes())
    generate_library(tmp_path / "lib", SMALL, count=2, seed=3, labels=False)
    wanted = numbers(generate_particle(SMALL, seed=3, index=1))
    for source, more in ((model, ("--seed", 3)), (tmp_path / "lib", ())):
        path = tmp_path / f"{source.name}.png"
        code, out, _ = call(capsys, "preview", source, "--particle", 1, "--output", path, *more)
        assert code == 0 and wanted in out and path.read_bytes()[:4] == b"\x89PNG"
    code, _, err = call(capsys, "preview", model, "--output", path)
    assert code == 2 and "exists; choose another name" in err[0]
    code, _, err = call(capsys, "preview", model, "--output", tmp_path / "p.html")
    assert code == 2 and "found ending '.html', expected one of .png, .pdf, .svg" in err[0]


def test_both_surfaces_have_a_picture(tmp_path) -> None:
    for surface in ("shell", "grains"):
        preview(generate_particle(SMALL, seed=3, index=0, surface=surface), tmp_path / f"{surface}.svg", "a particle")
        assert "<svg" in (tmp_path / f"{surface}.svg").read_text()
