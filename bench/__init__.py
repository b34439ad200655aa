"""Measures the product against named baselines; every figure that counts is a ratio taken in one run."""
