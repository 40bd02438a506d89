"""The splitter of words beside the published one."""
