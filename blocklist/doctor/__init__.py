"""Diagnosis: configuration, ledger and machine -> findings with remedies."""
