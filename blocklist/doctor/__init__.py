"""What is wrong with this installation, and how to mend it: small checks, one function each.

A check yields what it finds and nothing when all is well. A new one is a function and its place in
`registry`.
"""
