"""Labels of one box, from the list of its candidates: a descent to blocks of 8³ voxels and their leaves, Eq. (8)."""

from typing import Any, NamedTuple

import numpy as np

from nmcfast.kernels._cache import helper
from nmcfast.kernels.gbpd.candidates import prune_by_corners, set_children
from nmcfast.kernels.gbpd.ceilings import Ceiling, cap_at, set_caps_to
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
    """The job of `label_box`: what labels take besides the candidates; lut, patch and counts are addresses."""

    ceiling: Ceiling  # of the tile
    sheet: Sheet
    lut: Any  # (n + 1,), see `layout.Names`
    beyond: int  # its last
    given: Given
    asked: Marks  # blocks
    reached: Marks  # blocks in which a seed that is asked for may win; without any, others get the label beyond
    share: Share  # the boxes of 64³ that are this worker's; it goes through the few above them as every other does
    patch: Any  # (64,), of the type of the labels
    counts: Any  # (4,) int64


@helper
def _count(counts, k, more):
    put(counts, k, at(counts, k) + more)


@helper
def _visit(task, work, block, scene):
    """Label a block of 8³ voxels or less, leaf by leaf; larger boxes are not an end."""
    if block.size > BLOCK_EDGE:
        _count(task.counts, BOXES, 8)
        _count(task.counts, CANDIDATES, 8 * block.length)
        return False, task
    set_caps_to(work.scratch, cap_at(task.ceiling, block.first))
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
    return True, task


@helper
def _enter(task, work, child, wins, scene):
    """Go where a seed that is asked for wins, but not alone; what needs no descent is filled."""
    size, length = child.size, child.length
    if not is_mine(task.share, child.first, size) or not is_asked(task.asked, child.first, size):
        return False
    if (length > 1 and wins) or (length and size > PART):  # there caps hold for what is this worker's alone
        return True
    if size <= PART and (wins or is_every(task.reached)):
        label = np.int64(bits_at(work.c, at(work.lists, child.start) + NAME)) if wins else task.beyond
        fill_asked(task.sheet, child, label, task.asked, task.reached)
    return False


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


label_box = descent("label_box", _visit, _enter)
