"""What pytest leaves alone: programs that run in the interpreters of other readers."""

collect_ignore_glob = ["readers/*.py", "paraview_reader.py", "orix_maps.py"]
