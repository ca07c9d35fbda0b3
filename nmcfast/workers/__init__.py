"""Who does numbered tasks: processes of this machine, or any executor, a Dask cluster among them."""
