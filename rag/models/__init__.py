"""Everything that holds weights: what may be loaded, how it is verified, and how it is run."""
