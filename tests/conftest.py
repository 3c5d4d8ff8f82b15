"""Shapes in annotations are checked in every test; seeds come from the test's name; every law sees every family."""

import re
import signal
import zlib

import hypothesis
import jaxtyping
import numpy as np
import pytest

jaxtyping.install_import_hook("mixot", "beartype.beartype")  # before the first import of mixot

from mixot.families import roles  # noqa: E402
from mixot.families.registry import registered  # noqa: E402

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a run in the background; what it starts would ignore it, too
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("mixot", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("mixot")

ROLES = {
    re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(): role  # "on_the_line" for `OnTheLine`
    for name, role in vars(roles).items()
    if getattr(role, "_is_protocol", False) and role.__module__ == roles.__name__
}


@pytest.fixture
def rng(request):
    """A generator whose seed is the test's own name."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


def pytest_generate_tests(metafunc):
    """A test of ``family`` runs on all registered ones, of ``compared_coupled_family`` on those of both roles."""
    for fixture in metafunc.fixturenames:
        if re.fullmatch("(\\w+_)?family", fixture):
            asked = roles_of(fixture.removesuffix("family"))
            able = {name: law for name, law in registered().items() if all(roles.plays(law, role) for role in asked)}
            metafunc.parametrize(fixture, able.values(), ids=able.keys())


def roles_of(prefix):
    """The roles whose names make up ``prefix``, each followed by an underscore."""
    found = re.findall("|".join(f"{name}_" for name in sorted(ROLES, key=len, reverse=True)), prefix)
    assert "".join(found) == prefix, f"no roles are called {prefix!r}; there are {', '.join(ROLES)}"
    return [ROLES[name.removesuffix("_")] for name in found]
