"""Work of fixed small cases, in counts: nothing grows by more than a tenth. scripts/bench/counts.py says what counts.

After a deliberate change: python scripts/bench --update-counts
"""

import copy
import json
import sys
from pathlib import Path

import numba
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts" / "bench"))
import counts
import report

sys.path.pop(0)

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="what compiled kernels allocate is counted")
EXPECTED = json.loads(counts.GOLDEN.read_text())


@pytest.mark.parametrize("name", counts.BOXES)
def test_labels_make_no_more_work_than_before(name):
    assert counts.excess({name: counts.of_labels(*counts.BOXES[name])}, {name: EXPECTED[name]}) == []


@pytest.mark.parametrize("name", counts.PARTICLES)
def test_particles_make_no_more_work_than_before(name):
    assert counts.excess({name: counts.of_particle(counts.PARTICLES[name])}, {name: EXPECTED[name]}) == []


def test_every_case_is_expected_and_a_tenth_more_is_noticed():
    assert set(EXPECTED) == {*counts.BOXES, *counts.PARTICLES}
    for case, name in ((case, name) for case, values in EXPECTED.items() for name in values):
        more = copy.deepcopy(EXPECTED)
        more[case][name] *= 1.09
        assert counts.excess(more, EXPECTED) == []
        more[case][name] = EXPECTED[case][name] * 1.11 + 1e-9
        assert len(counts.excess(more, EXPECTED)) == 1
        del more[case][name]
        assert len(counts.excess(more, EXPECTED)) == 1


def test_the_page_of_the_benchmark_is_made_from_its_numbers():
    folder = counts.ROOT / "docs" / "results"
    assert (folder / "bench.md").read_text() == report.page(report.load(folder))
