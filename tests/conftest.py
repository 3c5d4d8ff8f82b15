"""Shapes in annotations are checked in every test; seeds come from the test's name; every law sees every family."""

import zlib

import hypothesis
import jaxtyping
import numpy as np
import pytest

jaxtyping.install_import_hook("mixot", "beartype.beartype")  # before the first import of mixot

from mixot.families.registry import registered  # noqa: E402

hypothesis.settings.register_profile("mixot", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("mixot")


@pytest.fixture
def rng(request):
    """A generator whose seed is the test's own name."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


def pytest_generate_tests(metafunc):
    """A test that asks for ``family`` runs on all that is registered."""
    if "family" in metafunc.fixturenames:
        families = registered()
        metafunc.parametrize("family", families.values(), ids=families.keys())
