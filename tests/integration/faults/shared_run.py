"""Log a tag and a param to a run of somebody else's with a wrong clock.

`python -m tests.integration.faults.shared_run URI RUN_ID TEXT CLOCK_OFFSET_S`
"""

from __future__ import annotations

import sys

from tests.integration.faults.producer_process import shift_clock


def main(uri: str, run_id: str, text: str) -> None:
    import trackstream

    client = trackstream.Client(uri)
    run = client.run(run_id)
    run.set_tag("last", text)
    run.log_param("first", text)
    assert client.flush(120)
    client.close()


if __name__ == "__main__":
    shift_clock(float(sys.argv[4]))
    main(*sys.argv[1:4])
