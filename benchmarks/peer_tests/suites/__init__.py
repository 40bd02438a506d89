"""What lets the tests of a library run on tokkit: one adapter each."""
