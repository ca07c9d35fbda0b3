"""Any CT volume as laboratories have it in: values, voxel size, field of view and notes out.

`read` opens a file or folder, `geometry` settles the voxel size, `view` what was measured, `kinds` what the values are,
`grey` finds the threshold, `phases` which side of it is particles. Each decision is a note that names its option.
"""
