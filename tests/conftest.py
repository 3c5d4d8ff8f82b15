"""Shapes in annotations are checked in every test; seeds come from the test's name; every law sees every family."""

import zlib

import jaxtyping
import numpy as np
import pytest

jaxtyping.install_import_hook("mixot", "beartype.beartype")

from mixot.families.base import registered  # noqa: E402


@pytest.fixture
def rng(request):
    """A generator whose seed is the test's own name."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


def pytest_generate_tests(metafunc):
    """A test that asks for ``family`` runs on all that is registered."""
    if "family" in metafunc.fixturenames:
        families = registered()
        metafunc.parametrize("family", families.values(), ids=families.keys())
