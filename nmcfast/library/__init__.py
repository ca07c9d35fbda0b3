"""Libraries of particles: opened (`library`, `remote`), tabulated (`index`, `summary`), converted, reproduced, used."""
