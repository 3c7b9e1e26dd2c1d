"""The camera from which a surface is usually seen."""

import numpy as np
import pytest

from landscape_lab.figures.camera import (
    HIGHEST,
    HOME,
    SPARE,
    TALL,
    Camera,
    camera_of,
    usual,
    words_of,
)

MIDDLE = np.array([[0.5, 0.5]])


def test_a_surface_that_hides_nothing_is_seen_from_below():
    flat = np.zeros((59, 40))
    assert usual(flat, MIDDLE) == HOME
    assert usual(flat, np.array([[2.0, 0.5]])) == HOME  # beside it
    assert usual(flat, np.empty((0, 2))) == HOME


def test_the_camera_stands_as_high_as_it_must_to_see_a_point_over_what_is_before_it():
    wall = np.zeros((59, 40))
    wall[:12] = 0.5
    away = (0.5 - 11.5 / 58) * 2 / np.sin(np.radians(-HOME.azimuth))
    expected = np.degrees(np.arctan(0.5 * TALL / away)) + SPARE
    found = usual(wall, MIDDLE)
    assert HOME.elevation < expected < HIGHEST
    assert found.elevation == pytest.approx(expected, abs=2.5)  # a step of the ray, and rounding
    assert (found.azimuth, found.distance) == (HOME.azimuth, HOME.distance)
    assert usual(np.where(wall > 0, 9.0, wall), np.array([[0.5, 0.25]])).elevation == HIGHEST
    assert usual(wall[::-1], MIDDLE) == HOME  # behind the point it hides nothing
    assert usual(np.where(wall > 0, np.nan, wall), MIDDLE) == HOME  # and neither does a hole


def test_a_camera_is_named_as_it_is_read():
    assert words_of(HOME) == ""
    assert camera_of(words_of(Camera(12.5, 33, 4))) == Camera(12.5, 33, 4)
