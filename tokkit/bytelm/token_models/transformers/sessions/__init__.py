"""Trees of contexts: over one cache (`slot_tree`, `kv_tree`), or copied states (`state_session`).

`rope_switch` has two trees for models whose positions depend on the longest of a pass.
"""
