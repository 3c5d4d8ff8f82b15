"""The number of threads, and what a bad answer to that question says."""

import pytest

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
