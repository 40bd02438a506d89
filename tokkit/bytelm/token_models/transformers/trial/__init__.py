"""Which way of evaluation is right for a model that has just been loaded: found out by trying.

Read `ways`, then `self_check`; `length_limits` knows what begins to matter only in long texts.
"""
