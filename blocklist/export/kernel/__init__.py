"""Lists in this machine's kernel: looks whether a table has its list, and changes by elements."""
