"""Status: configuration, ledger, files and servers -> findings on the list in force.

Each module loads the state of one kind of thing, and describes it as findings. `status`, `doctor`
and whatever monitors the program use the same findings.
"""
