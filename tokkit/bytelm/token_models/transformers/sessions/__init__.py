"""Trees of contexts: over one cache (`kv_tree`), over copies of states (`state_session`).

`rope_switch` has two trees for models whose positions depend on the longest of a pass.
"""
