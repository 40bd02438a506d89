"""What an audit costs."""
