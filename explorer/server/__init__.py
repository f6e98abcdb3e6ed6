"""Protection of a server that strangers use: decoding in another process, and limits on uploads."""
