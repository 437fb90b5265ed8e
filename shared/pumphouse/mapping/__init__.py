"""The rules of types and mappings that more than one service applies. Pure: no I/O, no clock."""
