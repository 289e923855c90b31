"""Log one run to ./trackstream-data; then: trackstream runs best -e quickstart --metric loss"""

import trackstream

trackstream.set_experiment("quickstart")
with trackstream.start_run(run_name="first"):
    trackstream.log_params({"lr": 0.05, "epochs": 100})
    for step in range(100):
        trackstream.log_metric("loss", 0.95**step, step=step)
    trackstream.log_text("It fits.", "notes/summary.txt")
