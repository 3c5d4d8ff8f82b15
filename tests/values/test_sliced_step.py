"""The compiled step of sliced transport, against its definition in NumPy."""

import numpy as np
import pytest

from mixot._native import sliced_step


def by_definition(points, weights, directions, levels, quantiles):
    step = np.zeros_like(points)
    for u, values in zip(directions, quantiles, strict=True):
        along = points @ u
        order = np.argsort(along, kind="stable")
        middle = np.cumsum(weights[order]) - weights[order] / 2
        step[order] += (np.interp(middle, levels, values) - along[order])[:, None] * u
    return step


@pytest.fixture
def problem(rng):
    n, m = 300, 6
    points = rng.normal(size=(n, 3))
    points[50:60] = points[50]  # ties
    levels = np.sort(rng.random(40))
    quantiles = np.sort(rng.normal(size=(m, 40)), axis=1)
    return points, rng.dirichlet(np.ones(n)), rng.normal(size=(m, 3)), levels, quantiles


def test_steps_are_those_of_the_definition(problem):
    points, weights, directions, levels, quantiles = problem
    step = np.empty_like(points)
    for _ in range(3):
        sliced_step(points, weights, directions, levels, quantiles, step)
        np.testing.assert_allclose(step, by_definition(*problem), atol=1e-12)
        points += 0.1 * step


def test_one_point_far_away_leaves_the_others_in_one_bucket(problem):
    points, weights, directions, levels, quantiles = problem
    points[7] = 1e9
    step = np.empty_like(points)
    sliced_step(points, weights, directions, levels, quantiles, step)
    np.testing.assert_allclose(step, by_definition(*problem), rtol=1e-9, atol=1e-6)


def test_a_single_point():
    step = np.empty((1, 3))
    sliced_step(np.zeros((1, 3)), np.ones(1), np.eye(3)[:1], np.array([0.0, 1.0]), np.array([[1.0, 3.0]]), step)
    assert step.tolist() == [[2.0, 0.0, 0.0]]


def test_points_on_their_quantiles_stay(problem):
    points, weights, directions, _, _ = problem
    step = np.empty_like(points)
    u = directions[:1] / np.linalg.norm(directions[0])
    sorted_at = np.argsort(points @ u[0], kind="stable")
    levels = np.cumsum(weights[sorted_at]) - weights[sorted_at] / 2
    sliced_step(points, weights, u, levels, (points @ u[0])[sorted_at][None], step)
    np.testing.assert_allclose(step, 0.0, atol=1e-12)
