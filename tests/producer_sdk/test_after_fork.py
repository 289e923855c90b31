"""What lives is called in a forked child, in the order in which it came; what is gone is not."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import os
from trackstream.after_fork import call_in_child

class Named:
    def __init__(self, name):
        self.name = name
        call_in_child(self.say)

    def say(self):
        print(self.name, flush=True)

kept = [Named("first"), Named("second")]
Named("gone")
kept.append(Named("third"))
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
    print("parent")
else:
    os._exit(0)
"""


def test_objects_that_live_are_called_in_the_child_only() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == ["first", "second", "third", "parent"]
