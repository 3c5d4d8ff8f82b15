"""The figure of a certificate."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mixot import Gaussian, InputError, Mixture, Poisson, certify
from mixot.plot import certificate


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def points(rng, d):
    return Mixture([0.5, 0.5], Gaussian([[0.0] * d, [6.0] * d], [np.eye(d)] * 2)).sample(150, rng=rng)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_gaussians(d, rng):
    x = points(rng, d)
    proof = certify(x, Mixture([0.5, 0.5], Gaussian([[0.0] * d, [6.0] * d], [np.eye(d)] * 2)), c=0.8)
    left, right = certificate(proof, x)
    assert "D is nowhere above 1 + " in left.get_title()
    if d == 1:
        curve = next(line for line in left.lines if line.get_label() == "D(m)")
        top = next(line for line in left.lines if line.get_label() == "proven supremum").get_ydata()[0]
        assert 0.99 < curve.get_ydata().max() <= top
        assert top == pytest.approx(np.exp(proof.gap / 150))
    bars = right.patches
    assert [bar.get_height() for bar in bars] == pytest.approx([rival.needed for rival in proof.rivals(len(bars))[1:]])
    words = [text.get_text().split("\n")[0] for text in right.texts]
    assert words == ["excluded" if rival.excluded else "possible" for rival in proof.rivals(len(bars))[1:]]
    assert f"gains at most {proof.gain:.3g}" in right.get_legend().get_texts()[0].get_text()


def test_counts_and_axes_of_ones_own(rng):
    p = Mixture([0.5, 0.5], Poisson([2.0, 9.0]))
    x = p.sample(200, rng=rng)
    proof = certify(x, p)
    axes = plt.subplots(1, 2)[1]
    assert certificate(proof, x, axes=axes)[0] is axes[0]
    curve = next(line for line in axes[0].lines if line.get_label() == "D(m)")
    assert curve.get_ydata().max() <= np.exp(proof.gap / 200)
    with pytest.raises(InputError, match="two Axes, got 1"):
        certificate(proof, x, axes=[axes[0]])
    with pytest.raises(InputError, match="in dimension 1"):
        certificate(proof, points(rng, 2))
