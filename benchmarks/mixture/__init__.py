"""How close inferred mixtures of training data come to known ones, and what they cost."""
