"""What is stored and how: schema, shards, checksums, readers. Knows arrays, not the model."""
