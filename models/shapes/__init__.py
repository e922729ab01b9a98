"""The shapes that clients may name, one file each; `models.registry` lists them."""
