"""Names for runs that were given none: adjective-noun-number."""

from __future__ import annotations

import os

_ADJECTIVES = """
    amber brave brisk calm clever crisp deft eager early fair fleet gentle glad golden grand happy keen kind
    late light lively lucid merry mild nimble noble plain proud quick quiet rapid ready sharp shiny silver
    smooth solid steady still swift tidy true vivid warm wise witty young zesty
"""
_NOUNS = """
    alder aspen badger beacon birch brook canyon cedar comet crane delta dune ember falcon fern finch fjord
    flint gale glade grove harbor hawk heron island juniper lark lynx maple marsh meadow moon orchid osprey
    otter pebble pine plover raven reef ridge river robin sparrow spruce summit thistle tide willow wren
"""


def random_run_name() -> str:
    """Return a name such as 'steady-heron-417'.

    From the operating system's randomness: a seeded `random` must neither repeat names nor be advanced.
    """
    number = int.from_bytes(os.urandom(8), "big")
    chosen = []
    for words in (_ADJECTIVES.split(), _NOUNS.split()):
        number, place = divmod(number, len(words))
        chosen.append(words[place])
    return f"{chosen[0]}-{chosen[1]}-{number % 1000}"
