"""Measures: pure functions from frame to frame. They read nothing, draw nothing, change no input."""
