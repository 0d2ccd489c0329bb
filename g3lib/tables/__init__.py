"""Exports in, canonical tables out: the gate, the store and what one report may read."""
