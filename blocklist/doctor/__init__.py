"""Doctor: configuration, machine and ledger -> findings with a remedy.

To add a check, write one function in a module of `doctor/checks/` under a decorator of `registry`,
and a row in the table of `tests/doctor/test_doctor.py`. The function yields findings, or nothing if
all is well.
"""
