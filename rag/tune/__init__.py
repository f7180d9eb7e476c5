"""The user's own text makes the models better: pairs are made, an adapter is learnt, and kept if it wins."""
