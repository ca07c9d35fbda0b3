"""Exact labels of generalised balanced power diagrams, Eq. (8). Each file calls some of those below it, no other:

labels      checks and tables: the entries for whole grids and for points
volumes     labels of a volume, tile by tile, the tiles' boxes shared among workers
halo        the seeds that bound some grains
boxes       the candidates of the boxes of a tile, kept; labels from them
label_box   labels of one box: a descent to its blocks and their leaves
descent     from a box to its children, depth first; what is done on the way is given
leaves      who wins at each voxel of a leaf
ceilings    caps of boxes: some seed stays below
cells       two low seeds of each cell of a tile
candidates  who may win in the children of a box, by caps and tangents
corners     the same by two low seeds at the corners
selection   lists of the children from bits
marks       blocks that are asked for, leaves that were seen, boxes that are a worker's
layout      records, lists, scratch: what all of these hand each other
"""
