"""The number of threads, and what a bad answer to that question says."""

import numpy as np
import pytest

from mixot import _native
from mixot.errors import InputError
from mixot.threads import thread_count


def test_the_environment_decides(monkeypatch):
    monkeypatch.setenv("MIXOT_NUM_THREADS", "3")
    assert thread_count() == 3


def test_without_it_every_processor_counts(monkeypatch):
    monkeypatch.delenv("MIXOT_NUM_THREADS", raising=False)
    assert thread_count() >= 1


@pytest.mark.parametrize("asked", ["0", "-1", "two", "1.5", "", "²"])
def test_a_number_that_is_none_is_named(asked, monkeypatch):
    monkeypatch.setenv("MIXOT_NUM_THREADS", asked)
    with pytest.raises(InputError, match=f"MIXOT_NUM_THREADS must be a positive whole number, got '{asked}'"):
        thread_count()


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("blocks", [0, 1, 3, 10_000])
def test_every_block_is_handed_out_once(blocks, threads):
    hits = np.zeros(blocks)
    _native.parallel_hits(hits, threads, blocks)
    np.testing.assert_array_equal(hits, 1.0)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_block_that_throws_stops_the_others_and_raises(threads):
    hits = np.zeros(1_000_000)
    with pytest.raises(RuntimeError, match="this block fails"):
        _native.parallel_hits(hits, threads, 10)
    assert hits.sum() < len(hits)
    assert hits[10] == 0
