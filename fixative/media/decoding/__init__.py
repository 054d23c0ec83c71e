"""Decoding: files that may be made to break a decoder, read in a process of its own."""
