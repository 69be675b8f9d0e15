"""Installation: a finished file -> loaded by its server, or the old file restored.

The exit code of a command is trusted only when it reports a failure: servers answer OK to lists that
they did not load. A list counts as loaded when the server blocks its canary.
"""
