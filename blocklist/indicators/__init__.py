"""Domain names, IP networks and URLs, one value at a time: text -> canonical form."""
