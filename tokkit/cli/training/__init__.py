"""What `tokkit train` may be asked for each kind of network, and how it trains them."""
