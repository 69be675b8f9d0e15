"""Install export files: a finished file -> installed and loaded, or the old file restored.

The success of a command proves nothing: servers report success for lists that they did not load. A
list counts as loaded when the server blocks its canary.
"""
