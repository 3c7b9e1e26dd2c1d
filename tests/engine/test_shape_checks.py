"""In the tests, arguments and results of the wrong shape are errors, wherever a shape is named."""

import ast
from pathlib import Path

import pytest
import torch
from jaxtyping import TypeCheckError

from landscape_core.models.parameters import Layout
from landscape_core.planes.plane import Plane
from shape_checks import modules_with_shapes

ROOT = Path(__file__).resolve().parents[2]
SHAPES = {"Bool", "Float", "Int", "Integer", "Shaped", "Scalar", "Vector", "Vectors"}
"""Names of types that have a shape."""


def test_an_argument_of_the_wrong_shape_is_an_error():
    plane = Plane(torch.zeros(3), torch.eye(3)[:2])
    with pytest.raises(TypeCheckError):
        plane.points(torch.zeros(2, 2, 2))


def test_a_result_of_the_wrong_shape_is_an_error(monkeypatch):
    layout = Layout.of_shapes({"inner": (2, 3)})
    monkeypatch.setattr(torch, "cat", lambda tensors: tensors[0].reshape(2, 3))
    with pytest.raises(TypeCheckError):
        layout.join({"inner": torch.zeros(2, 3)})


def test_every_module_whose_annotations_name_a_shape_is_checked():
    checked = {*modules_with_shapes()}
    for file in ROOT.glob("landscape_core/**/*.py"):
        named = {
            node.id for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, ast.Name)
        }
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        assert module in checked or not named & SHAPES
