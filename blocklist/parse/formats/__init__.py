"""List formats: one module for each, which defines `FORMAT`.

Formats of other distributions are modules of the same form that an entry point of the group
`blocklist.formats` names.
"""
