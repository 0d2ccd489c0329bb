"""Notebooks × branches → reports."""
