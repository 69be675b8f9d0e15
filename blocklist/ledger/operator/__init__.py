"""Entries (decisions to allow or block) and the reviews behind them."""
