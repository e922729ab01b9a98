"""Models made of models: sums, mixtures, products, smearing; and templates, which are data."""
