"""Every verb and every hostile argument: it works, or one of our errors says why not; never a bare one of Python's."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

import mixot
from mixot import OMT, Gaussian, Grid, InputError, MixotError, Mixture, Samples

P = Mixture([0.5, 0.5], Gaussian([[0.0, 0.0], [3.0, 1.0]], [np.eye(2)] * 2))
X = np.random.default_rng(0).standard_normal((12, 2))


class Sly:
    """Looks like an array until it is asked."""

    def __array__(self, *_, **__):
        raise RuntimeError("no array after all")

    def __len__(self):
        raise TypeError


HOSTILE = {
    "None": None,
    "number": 3.0,
    "huge number": 10**400,
    "text": "points",
    "bytes": b"points",
    "truth": True,
    "dict": {"a": [1.0]},
    "set": {1.0, 2.0},
    "function": len,
    "class": Mixture,
    "module": np,
    "generator": (x for x in [1.0]),
    "range": range(3),
    "ragged": [[0.0, 1.0], [2.0]],
    "deep": [[[[0.0]]]],
    "empty": [],
    "no columns": np.empty((4, 0)),
    "no rows": np.empty((0, 2)),
    "NaN": np.full((4, 2), np.nan),
    "infinity": np.full((4, 2), np.inf),
    "complex": np.ones((4, 2)) * 1j,
    "dates": np.array(["2020-01-01"], dtype="M8[D]"),
    "objects": np.array([object(), object()]),
    "records": np.zeros(3, dtype=[("a", float), ("b", int)]),
    "other dimension": np.ones((4, 3)),
    "sly": Sly(),
    "pair of nothing": (None, None),
    "triple": (X, X, X),
    "negative": -np.ones((4, 2)),
    "huge": np.full((4, 2), 1e308),
    "tiny": np.full((4, 2), 1e-308),
    "family": Gaussian([0.0], [1.0]),
    "grid": Grid(np.ones((2, 2, 2, 2))),
    "mixture on the line": Mixture([1.0], Gaussian([0.0], [1.0])),
    "path": __import__("pathlib").Path("nowhere.csv"),
    "longdouble": np.ones((4, 2), dtype=np.longdouble) * np.longdouble(2),
    "big integers": [[2**70, 1], [3, 4]],
    "masked": np.ma.masked_all((4, 2)),
}

VERBS = {
    "as_measure": mixot.as_measure,
    "Samples": Samples,
    "Samples weights": lambda x: Samples(X, x),
    "Grid": Grid,
    "Grid bounds": lambda x: Grid(np.ones((2, 2)), x),
    "Grid degree": lambda x: Grid(np.ones((2, 2)), degree=x),
    "Mixture weights": lambda x: Mixture(x, P.components),
    "Mixture components": lambda x: Mixture([0.5, 0.5], x),
    "Gaussian means": lambda x: Gaussian(x, [np.eye(2)] * 2),
    "Gaussian covs": lambda x: Gaussian(np.zeros((2, 2)), x),
    "fit": lambda x: mixot.fit(x, k=1),
    "fit family": lambda x: mixot.fit(X, x, k=1),
    "fit k": lambda x: mixot.fit(X, k=x),
    "fit method": lambda x: mixot.fit(X, k=1, method=x),
    "fit structure": lambda x: mixot.fit(X, k=1, structure=x),
    "fit rng": lambda x: mixot.fit(X, k=2, rng=x),
    "fit progress": lambda x: mixot.fit(X, k=1, progress=None if callable(x) else x),  # theirs raise what they like
    "distance from points": lambda x: mixot.distance(X, x),
    "distance to a mixture": lambda x: mixot.distance(x, P),
    "distances": mixot.distances,
    "distances to": lambda x: mixot.distances([P], x),
    "distances of one": lambda x: mixot.distances([P, x]),
    "plan": lambda x: mixot.plan(x, P),
    "plan solver": lambda x: mixot.plan(P, P, solver=x),
    "plan of points, solver": lambda x: mixot.plan(X, P, solver=x),
    "OMT lam": lambda x: mixot.plan(P, P, solver=OMT(lam=x)),
    "OMT eps": lambda x: OMT(eps=x),
    "OMT rho": lambda x: OMT(rho=x),
    "geodesic": lambda x: mixot.geodesic(x, P),
    "geodesic at": lambda x: mixot.geodesic(P, P)(x),
    "map": lambda x: mixot.transport_map(x, P),
    "map of": lambda x: mixot.transport_map(P, P)(x),
    "map kind": lambda x: mixot.transport_map(P, P, kind=x),
    "map draws": lambda x: mixot.transport_map(P, P).sample(X, rng=x),
    "barycenter": mixot.barycenter,
    "barycenter of one": lambda x: mixot.barycenter([P, x]),
    "barycenter weights": lambda x: mixot.barycenter([P, P], x),
    "barycenter solver": lambda x: mixot.barycenter([P, P], solver=x),
    "bounds": lambda x: mixot.bounds(P, x),
    "bounds points": lambda x: mixot.bounds(P, P, points=x),
    "density": P.density,
    "responsibilities": P.responsibilities,
    "sample": P.sample,
    "sample rng": lambda x: P.sample(3, rng=x),
    "marginal": P.marginal,
    "affine": P.affine,
    "affine shift": lambda x: P.affine(1.0, x),
    "moments": P.moments,
    "cdf": Mixture([1.0], Gaussian([0.0], [1.0])).cdf,
    "quantile": Mixture([1.0], Gaussian([0.0], [1.0])).quantile,
    "certify": lambda x: mixot.certify(X, x) if hasattr(mixot, "certify") else None,
    "save": lambda x: mixot.save(x, "nowhere/there.json"),
    "save to": lambda x: mixot.save(P, x if isinstance(x, int | float) or x is None else 7),
    "load": lambda x: mixot.load(x if not isinstance(x, int) else None),
    "read": lambda x: mixot.read(x if not isinstance(x, int) else None),
}


def outcome(verb, hostile):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            VERBS[verb](HOSTILE[hostile])
    except MixotError:
        return ""
    except Exception as bare:
        return f"{verb} of {hostile}: {type(bare).__name__}: {str(bare)[:110]}"
    return ""


def test_no_error_is_bare(tmp_path):
    # in a process where no annotations are checked, as at a user's
    done = subprocess.run([sys.executable, __file__], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{len(VERBS) * len(HOSTILE)} tried\n"


def test_values_that_jax_traces_say_where_to_go():
    jax = pytest.importorskip("jax")
    for ask in (P.log_density, lambda x: mixot.distance(x, X), lambda x: mixot.fit(x, k=1)):
        with pytest.raises(InputError, match=r"use mixot\.jax"):
            jax.jit(ask)(X)


def test_tensors_that_follow_gradients_are_read():
    torch = pytest.importorskip("torch")
    x = torch.tensor(X, requires_grad=True)
    assert mixot.distance(x, X) == 0.0
    assert mixot.distance(x.to(torch.bfloat16), X) < 0.02


if __name__ == "__main__":
    for told in filter(None, (outcome(verb, hostile) for verb in VERBS for hostile in HOSTILE)):
        sys.stdout.write(told + "\n")
    sys.stdout.write(f"{len(VERBS) * len(HOSTILE)} tried\n")
