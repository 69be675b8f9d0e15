"""What resolving found out: liveness of names and addresses behind them."""
