"""General tasks of our own: small Python functions with a hole, checked by running them."""
