"""Libraries in object stores: read anywhere that fsspec reaches, written to S3; whole shards, and nothing else."""
