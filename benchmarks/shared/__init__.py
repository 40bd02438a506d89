"""Parts of several areas: texts, cuts, intervals, records of long runs, and what a run ran on."""
