"""Doctor: configuration, machine and ledger -> findings with a remedy.

Each check is one function that yields findings, or nothing if all is well. To add a check, write
the function and add a row to `registry`.
"""
