"""Warm kernels: a template process imports once what the notebooks import, and each kernel is forked from it."""
