"""How a task is packed for a worker."""

import pickle

import numpy as np
import pytest

from digitcore.worker_host.tasks import call, packed


def doubled(arrays, factor):
    for array in arrays.values():
        array *= factor
    return arrays


def sent(parts):
    """What arrives at a worker, in another process."""
    return pickle.loads(pickle.dumps(parts))


def test_a_call_comes_out_as_it_went_in_and_its_arrays_can_be_changed():
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.arange(8, dtype=np.uint8)[::2]}
    found = call(*sent(packed(doubled, arrays, 2)))
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], 2 * array)
        assert found[name].dtype == array.dtype


def test_large_arrays_are_beside_the_call_and_not_in_it():
    header, *buffers = packed(doubled, {"a": np.zeros(10_000)}, 2)
    assert len(header) < 1000
    assert [len(buffer) for buffer in buffers] == [80_000]
    found = call(header, *buffers)
    assert np.shares_memory(found["a"], np.frombuffer(buffers[0]))


def test_what_a_call_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        call(*packed(divmod, 1, 0))
