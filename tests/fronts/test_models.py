"""What is saved comes back to the last bit, for every family, in both formats."""

import json

import numpy as np
import pytest

from mixot import Gaussian, InputError, Mixture, load, read, save
from mixot.io import kind_of, models


def random_mixture(family, rng, k=4):
    weights = rng.dirichlet(np.ones(k))
    return Mixture(weights, family.example(rng, k))


@pytest.mark.parametrize("suffix", models.SUFFIXES)
def test_every_family_round_trips_exactly(family, suffix, rng, tmp_path):
    before = random_mixture(family, rng)
    save(before, tmp_path / f"model{suffix}")
    after = load(tmp_path / f"model{suffix}")
    assert type(after.components) is family
    np.testing.assert_array_equal(after.weights, before.weights)
    for name, value in before.components.parameters().items():
        np.testing.assert_array_equal(after.components.parameters()[name], value, err_msg=name)


def test_extreme_floats_survive_text(tmp_path):
    means = np.array([[5e-324], [1.7976931348623157e308], [0.1 + 0.2], [-0.0]])
    before = Mixture(np.full(4, 0.25), Gaussian(means, np.full((4, 1, 1), 1e-300)))
    save(before, tmp_path / "m.json")
    np.testing.assert_array_equal(load(tmp_path / "m.json").components.mean().view(np.int64), means.view(np.int64))


def test_the_file_is_versioned_json_that_people_can_read(tmp_path):
    save(Mixture([0.3, 0.7], Gaussian([0.0, 1.0], [0.01, 0.04])), tmp_path / "m.json")
    text = (tmp_path / "m.json").read_text()
    document = json.loads(text)
    assert document["format"] == "mixot mixture"
    assert document["version"] == 1
    assert document["family"] == "gaussian"
    assert document["weights"] == [0.3, 0.7]
    assert document["components"] == {"means": [[0.0], [1.0]], "covs": [[[0.01]], [[0.04]]]}
    assert len(text.splitlines()) > 8  # a line for each field and component


def test_saving_replaces_the_file_in_one_step(tmp_path, rng):
    first, second = (random_mixture(Gaussian, rng, k) for k in (2, 5))
    save(first, tmp_path / "m.json")
    save(second, tmp_path / "m.json")
    assert len(load(tmp_path / "m.json")) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]


def test_a_link_stays_a_link(tmp_path, rng):
    (tmp_path / "real").mkdir()
    save(random_mixture(Gaussian, rng, 2), tmp_path / "real" / "m.json")
    (tmp_path / "link.json").symlink_to(tmp_path / "real" / "m.json")
    save(random_mixture(Gaussian, rng, 3), tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert len(load(tmp_path / "real" / "m.json")) == 3


def test_a_model_is_told_from_a_table_by_what_is_in_it(rng, tmp_path):
    before = random_mixture(Gaussian, rng)
    np.savez(tmp_path / "table.npz", points=np.eye(2))
    np.save(tmp_path / "table.npy", np.eye(2))
    assert [kind_of(tmp_path / f"table.{suffix}") for suffix in ("npz", "npy")] == ["table", "table"]
    for name in ("m.json", "m.npz"):
        save(before, tmp_path / name)
        assert kind_of(tmp_path / name) == "model"
        np.testing.assert_array_equal(read(tmp_path / name).weights, before.weights)
        for option, said in (
            ({"columns": ["x"]}, "columns can"),
            ({"rep": "X"}, "a rep"),
            ({"header": True}, "header"),
        ):
            with pytest.raises(InputError, match=rf"{said}.*, this is a model"):
                read(tmp_path / name, **option)
    with pytest.raises(InputError, match="arrays, but not a mixot model"):
        load(tmp_path / "table.npz")
    with pytest.raises(InputError, match=r"models are \.json or \.npz files"):
        load(tmp_path / "table.npy")
    for place, said in ((tmp_path / "nowhere.json", "no such file"), (tmp_path, "a folder, not a model file")):
        with pytest.raises(InputError, match=said):
            load(place)


@pytest.mark.parametrize("version", [models.VERSION, models.VERSION + 1])
def test_a_model_of_a_newer_version_is_refused(version, rng, tmp_path):
    save(random_mixture(Gaussian, rng), tmp_path / "m.json")
    text = (tmp_path / "m.json").read_text()
    (tmp_path / "m.json").write_text(text.replace(f'"version": {models.VERSION}', f'"version": {version}'))
    if version == models.VERSION:
        assert load(tmp_path / "m.json").dim > 0
    else:
        with pytest.raises(
            InputError, match=rf"written by a newer mixot \(format version {version}, this one reads up"
        ):
            load(tmp_path / "m.json")
