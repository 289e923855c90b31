"""A trainer that says on a pipe what it has logged: `python -m tests.integration.spooling_trainer URI`.

After each call that returned it writes a line to standard output, at once and unbuffered: `m STEP` for a
point of `loss`, `n STEP` for one of `a` and of `b`, `t STEP` for a tag. It goes on until it is killed, or
for COUNT steps where a second argument says so.
"""

from __future__ import annotations

import os
import sys

import trackstream


def main(uri: str, count: str = "1000000000") -> None:
    trackstream.set_tracking_uri(uri)
    run = trackstream.start_run()
    os.write(1, f"r {run.run_id}\n".encode())
    for step in range(int(count)):
        trackstream.log_metric("loss", step * 0.5, step=step)
        os.write(1, b"m %d\n" % step)
        if step % 3 == 0:
            trackstream.log_metrics({"a": step, "b": -step}, step=step)
            os.write(1, b"n %d\n" % step)
        if step % 50 == 0:
            trackstream.set_tag(f"t{step}", step)
            os.write(1, b"t %d\n" % step)


if __name__ == "__main__":
    main(*sys.argv[1:])
