"""Dictionaries, figures and images as files."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trackstream import rendering
from trackstream_schemas.errors import InvalidInput


def opened(content: bytes) -> Any:
    return Image.open(io.BytesIO(content))


class TestDictionary:
    def test_json(self) -> None:
        value = {"a": [1, None, "ü"], "n": np.float32(0.5), "m": np.arange(3)}
        expected = {"a": [1, None, "ü"], "n": 0.5, "m": [0, 1, 2]}
        assert json.loads(rendering.dictionary(value, "a.json")) == expected
        assert json.loads(rendering.dictionary([1], "no-ending")) == [1]

    @pytest.mark.parametrize("path", ["a.yaml", "a.YML"])
    def test_yaml(self, path: str) -> None:
        yaml = pytest.importorskip("yaml")
        assert yaml.safe_load(rendering.dictionary({"b": 1, "a": [2]}, path)) == {"b": 1, "a": [2]}

    def test_yaml_without_pyyaml_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "yaml", None)
        with pytest.raises(InvalidInput, match="PyYAML"):
            rendering.dictionary({}, "a.yaml")

    @pytest.mark.parametrize("path", ["a.json", "a.yaml"])
    def test_what_has_no_such_form_is_refused(self, path: str) -> None:
        with pytest.raises(InvalidInput, match="dictionary"):
            rendering.dictionary({"a": object()}, path)
        with pytest.raises(InvalidInput, match="dictionary"):
            rendering.dictionary("text", path)


class TestFigure:
    @pytest.fixture
    def drawn(self) -> Any:
        from matplotlib.figure import Figure

        figure = Figure()
        figure.subplots().plot([1, 2])
        return figure

    @pytest.mark.parametrize(
        ("path", "magic"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF"), ("a", b"\x89PNG")]
    )
    def test_matplotlib(self, drawn: Any, path: str, magic: bytes) -> None:
        assert rendering.figure(drawn, path).startswith(magic)

    def test_an_unknown_ending_is_refused(self, drawn: Any) -> None:
        with pytest.raises(InvalidInput, match=r"a\.xyz"):
            rendering.figure(drawn, "a.xyz")

    def test_what_is_no_figure_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="figure"):
            rendering.figure("text", "a.png")


class TestImage:
    @pytest.mark.parametrize(
        ("shape", "mode"), [((4, 5), "L"), ((4, 5, 1), "L"), ((4, 5, 3), "RGB"), ((4, 5, 4), "RGBA")]
    )
    def test_arrays_of_bytes_and_of_floats(self, shape: tuple[int, ...], mode: str) -> None:
        pixels = np.random.default_rng(1).integers(0, 256, shape)
        for array in (pixels.astype(np.uint8), pixels, pixels / 255):
            image = opened(rendering.image(array, "a.png"))
            assert (image.mode, image.size) == (mode, (5, 4))
            assert np.array_equal(np.asarray(image).reshape(shape), pixels)

    def test_booleans_are_black_and_white(self) -> None:
        image = opened(rendering.image(np.array([[True, False]]), "a"))
        assert np.asarray(image).tolist() == [[255, 0]]

    def test_pil_images_and_other_formats(self) -> None:
        picture = Image.new("RGB", (3, 2), "red")
        assert opened(rendering.image(picture, "a.jpg")).format == "JPEG"
        assert opened(rendering.image(picture, "a.png")).size == (3, 2)

    @pytest.mark.parametrize(
        "value",
        [
            np.zeros(3),
            np.zeros((2, 2, 2)),
            np.zeros((0, 0)),
            np.full((2, 2), 1.5),
            np.full((2, 2), np.nan),
            np.full((2, 2), 256),
            np.full((2, 2), -1),
            np.full((2, 2), "x"),
            "text",
        ],
        ids=["1-d", "2-channels", "empty", "over-1", "nan", "over-255", "negative", "text-array", "text"],
    )
    def test_what_is_no_image_is_refused(self, value: Any) -> None:
        with pytest.raises(InvalidInput, match="image"):
            rendering.image(value, "a.png")

    def test_an_unknown_ending_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match=r"a\.xyz"):
            rendering.image(np.zeros((2, 2)), "a.xyz")
