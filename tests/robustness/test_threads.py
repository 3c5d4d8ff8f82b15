"""The number of threads, and what a bad answer to that question says."""

import numpy as np
import pytest

import mixot
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


@pytest.mark.parametrize("asked", ["4097", "99999999999999999999", "1" + "0" * 6000])
def test_more_threads_than_any_machine_has_are_refused(asked, monkeypatch):
    monkeypatch.setenv("MIXOT_NUM_THREADS", asked)
    with pytest.raises(InputError, match=r"MIXOT_NUM_THREADS must be a whole number of at most 4096, got '[0-9.]+'$"):
        thread_count()


@pytest.mark.parametrize(("asked", "expected"), [("1", 1), ("1,4", 1), (" 1 ", 1), ("999999999999", None), ("", None)])
def test_the_limit_of_openmp_is_a_limit_here(asked, expected, monkeypatch):
    monkeypatch.delenv("MIXOT_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    own = thread_count()
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert thread_count() == (expected or own)
    monkeypatch.setenv("MIXOT_NUM_THREADS", "3")  # the name of one's own has the last word
    assert thread_count() == 3


@pytest.mark.parametrize("asked", ["0", "-2", "two", "1.5", "²"])
def test_what_openmp_does_not_heed_changes_nothing(asked, monkeypatch):
    monkeypatch.delenv("MIXOT_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    own = thread_count()
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert thread_count() == own


def test_an_instruction_set_that_is_none_is_named(monkeypatch):
    monkeypatch.setenv("MIXOT_ISA", "bogus")
    with pytest.raises(InputError, match="MIXOT_ISA must be one of baseline, avx2, avx512, got 'bogus'"):
        mixot.distance(np.eye(2), np.ones((2, 2)))
    monkeypatch.setenv("MIXOT_ISA", "baseline")
    assert thread_count() >= 1
