"""Eight lists selected from one by bytes, compiled and not, are those that a loop over candidates makes."""

import numba
import numpy as np
import pytest

from nmcfast.kernels.gbpd import selection
from nmcfast.kernels.vectors.memory import raw


def selected(flags, pairs, lists, count, stride, ends):
    for pair in range(pairs.size):
        selection.put_pair(raw(flags), pair, pairs[pair])
    for k in range(8):
        end = stride * (k + 1)
        for eight in range((count + 7) // 8):
            end = selection.select(raw(lists), end, 8 * eight, selection.bits_of(raw(flags), k, eight))
        ends[k] = end


@pytest.mark.parametrize("count", (1, 7, 8, 9, 31, 64))
@pytest.mark.parametrize("run", (selected, numba.njit(selected)), ids=("python", "compiled"))
def test_each_list_has_the_candidates_whose_bit_is_set_in_their_order(run, count):
    """40 draws; bits of all densities, from none to all."""
    rng = np.random.default_rng(count)
    for share in np.linspace(0.0, 1.0, 40):
        bits = rng.random((count, 8)) < share
        own = np.zeros(-(-count // 8) * 8, np.int64)
        own[:count] = bits @ (1 << np.arange(8))
        pairs, stride = own[::2] | own[1::2] << 8, count + 8
        lists, ends = np.full(9 * stride, -1, np.int32), np.zeros(8, np.int64)
        lists[:count] = rng.integers(0, 2**31 - 1, count)
        run(np.zeros(own.size // 8, np.uint64), pairs, lists, count, stride, ends)
        for k in range(8):
            begin = stride * (k + 1)
            assert np.array_equal(lists[begin : ends[k]], lists[:count][bits[:, k]])
