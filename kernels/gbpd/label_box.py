"""Labels of one box, from the list of its candidates: a descent to blocks of 8³ voxels and their leaves, Eq. (8)."""

from typing import Any, NamedTuple

import numpy as np

from nmcfast.kernels._cache import helper
from nmcfast.kernels.gbpd.candidates import prune_by_corners, set_children
from nmcfast.kernels.gbpd.ceilings import Ceiling, cap_at, ceiling_of, set_caps_to
from nmcfast.kernels.gbpd.descent import child_of, descent
from nmcfast.kernels.gbpd.layout import BLOCK_EDGE, LEAF, NAME
from nmcfast.kernels.gbpd.leaves import (
    Given,
    Sheet,
    compete,
    copy_patch,
    fill_asked,
    fill_leaf,
    is_whole,
    prefetch_box,
    settle,
    target_of,
)
from nmcfast.kernels.gbpd.marks import PART, Marks, Share, is_asked, is_every, is_mine, set_reached
from nmcfast.kernels.vectors.memory import at, bits_at, put

COUNTS = ("boxes", "candidates", "evaluations", "close")  # what the labelling of a volume counts
BOXES, CANDIDATES, EVALUATIONS, CLOSE = range(len(COUNTS))


class Labelling(NamedTuple):
    """What the labels of a box take besides its candidates; lut, patch and counts are addresses."""

    sheet: Sheet
    lut: Any  # (n + 1,), see `layout.Names`
    beyond: int  # its last
    given: Given
    asked: Marks  # blocks
    reached: Marks  # blocks in which a seed that is asked for may win; without any, others get the label beyond
    share: Share  # the boxes of 64³ that are this worker's; it goes through the few above them as every other does
    patch: Any  # (64,), of the type of the labels
    counts: Any  # (4,) int64


class _Job(NamedTuple):
    task: Labelling
    ceiling: Ceiling


@helper
def _count(counts, k, more):
    put(counts, k, at(counts, k) + more)


@helper
def _visit(job, work, box, scene):
    """Label a block of 8³ voxels or less; larger boxes are not an end."""
    if box.size > BLOCK_EDGE:
        _count(job.task.counts, BOXES, 8)
        _count(job.task.counts, CANDIDATES, 8 * box.length)
        return False, job
    _label_block(job.task, work, box, scene, cap_at(job.ceiling, box.first))
    return True, job


@helper
def _enter(job, work, child, wins, scene):
    """Go where a seed that is asked for wins, but not alone; what needs no descent is filled."""
    task = job.task
    if not is_mine(task.share, child.first, child.size) or not is_asked(task.asked, child.first, child.size):
        return False
    if (child.length > 1 and wins) or (
        child.length and child.size > PART
    ):  # there caps hold for the worker's own alone
        return True
    if child.size <= PART and (wins or is_every(task.reached)):
        label = np.int64(bits_at(work.c, at(work.lists, child.start) + NAME)) if wins else task.beyond
        fill_asked(task.sheet, child, label, task.asked, task.reached)
    return False


_descend = descent("label_descent", _visit, _enter)


@helper
def label_box(labelling, memory, root, caps, scene):
    """Labels of a box whose list stands first in the lists; the memory, whose arrays may have grown."""
    _, memory = _descend(_Job(labelling, ceiling_of(caps, scene)), memory, root, caps, scene)
    return memory


@helper
def _label_block(task, work, block, scene, cap):
    """Labels of a block from its list of candidates."""
    set_caps_to(work.scratch, cap)
    prefetch_box(task.sheet, block)
    children = set_children(work.scratch, block, LEAF, scene)
    wanted = prune_by_corners(work, block, scene.squared, children)
    if wanted:
        set_reached(task.reached, block.first)
    for k in range(8):
        if children >> k & 1:
            _count(task.counts, BOXES, 1)
            _count(task.counts, CANDIDATES, block.length)
            _label_leaf(task, work, child_of(block, k, LEAF, work.ends), wanted >> k & 1, scene)


@helper
def _label_leaf(task, work, leaf, wins, scene):
    """Labels of a leaf from its list; wins: whether a seed that is asked for may win in it."""
    whole = is_whole(leaf)
    target = target_of(task.sheet, leaf.first, whole, task.patch)
    if not wins:
        if not is_every(task.reached):
            return
        fill_leaf(target, task.beyond)
    elif leaf.length == 1:
        fill_leaf(target, bits_at(work.c, at(work.lists, leaf.start) + NAME))
    else:
        _count(task.counts, EVALUATIONS, leaf.length * LEAF**3)
        near = compete(work, leaf, scene.tile.middle, scene.squared, target)
        if near:
            _count(task.counts, CLOSE, settle(work, leaf, scene, task.given, task.lut, near, target))
    if not whole:
        copy_patch(task.sheet, leaf, task.patch)
