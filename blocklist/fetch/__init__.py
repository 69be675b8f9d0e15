"""Transports: the URL of a feed -> the bytes of its list, checked and decompressed."""
