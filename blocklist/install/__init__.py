"""Install export files: a finished file -> installed and loaded, or the old file restored.

A command's success is not proof: servers report OK for lists that they did not load. A list counts
as loaded when the server blocks its canary.
"""
