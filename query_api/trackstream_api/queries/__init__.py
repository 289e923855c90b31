"""Typed questions to the analytical store, one module per subject, one statement each.

Values only ever reach a statement as bound parameters. Tables that replace rows are read with FINAL, so
that a row which was inserted twice is seen once.
"""
