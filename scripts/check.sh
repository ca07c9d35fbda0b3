#!/bin/sh
# Everything that must hold before a change is taken: lint, types, tests.
set -e
cd "$(dirname "$0")/.."
ruff check .
ruff format --check .
mypy
OMP_NUM_THREADS=1 python -m pytest -q -n 2 --dist loadfile "$@"  # two processes, one thread of torch each

# Line coverage of the kernels, from their tests without the compiler. What the compiled code does without a word (words
# that wrap around, divisions whose result is masked) NumPy's scalars warn about. Needles, singular metrics and the like take minutes there, on the
# same lines.
NUMBA_DISABLE_JIT=1 python -m pytest -q -n 2 --cov=kernels --cov-fail-under=90 \
    -W "ignore:overflow encountered in scalar" -W "ignore:divide by zero" -W "ignore:invalid value" -k "not needles and not singular and not place] and not unsquared] and not [1-first and not first1 and not first2" \
    tests/test_moments.py tests/test_runs.py tests/test_lattice.py tests/test_gbpd.py tests/test_lanes.py tests/test_selection.py tests/test_halo.py tests/test_philox.py \
    tests/test_solid.py::test_connected_grains_are_what_flooding_finds tests/test_solid.py::test_a_crumb_that_touches_crumbs_alone_follows_them \
    tests/test_gnet.py tests/test_neighbours.py tests/test_harmonics.py tests/test_elementary.py tests/test_star.py \
    tests/test_shell.py::test_many_draws_are_the_single_ones_to_the_bit tests/test_joint_law.py::test_many_draws_are_the_single_ones_to_the_bit tests/test_joint_law.py::test_a_draw_is_pinned \
    tests/test_texture.py::test_quantiles_and_cosines_are_those_of_the_standard_library_to_the_bit \
    tests/test_arrangement.py::test_a_crowded_seed_moves_no_farther_than_the_bound tests/test_arrangement.py::test_profiles_are_linear_between_knots_and_constant_beyond \
    tests/test_arrangement.py::test_seeds_are_moved_as_the_definition_says \
    tests/test_cutouts.py::test_zero_eigenvalues_few_grains_and_equal_grains tests/test_cutouts.py::test_gradients_equal_finite_differences_of_the_whole_softmax
