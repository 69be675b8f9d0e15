"""Pieces that every dialect needs: precedence, narrowing, head, serial, canaries."""
