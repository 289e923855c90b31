"""Samples of the machine during a run, under MLflow's names (mlflow.system_metrics)."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import threading
from typing import TYPE_CHECKING, Any

from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger("trackstream")
_MEGA = 1e6


class SystemMetrics:
    """A thread that samples until `stop`. The step counts the samples of this run, from 0.

    `log(metrics, step)` takes each sample. Raises InvalidInput where psutil is not installed.
    """

    def __init__(self, log: Callable[[Mapping[str, float], int], None], interval_s: float) -> None:
        if importlib.util.find_spec("psutil") is None:
            raise InvalidInput(
                "log_system_metrics",
                True,
                "psutil to be installed (pip install 'trackstream[system-metrics]')",
            )
        # Imports and sets up here, on the caller's thread, for the sake of a fork meanwhile.
        self._sample = sampler()
        self._log = log
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="trackstream-system-metrics", daemon=True)
        self._pid = os.getpid()
        self._thread.start()

    def signal_stop(self) -> None:
        """Take no more samples; does not wait for the one under way."""
        self._stopped.set()

    def stop(self) -> None:
        """Take no more samples; returns once the thread is done. A forked child has no such thread."""
        self.signal_stop()
        if self._pid == os.getpid():
            self._thread.join()

    def _work(self) -> None:
        try:
            step = 0
            while True:
                self._log(self._sample(), step)
                step += 1
                if self._stopped.wait(self._interval_s):
                    return
        # A sensor that fails ends the sampling, not the training.
        except Exception as error:  # noqa: BLE001
            logger.warning("system metrics end here: %s", error)


def sampler() -> Callable[[], dict[str, float]]:
    """Return a function that measures now; network traffic counts from the call of `sampler`."""
    psutil: Any = importlib.import_module("psutil")
    psutil.cpu_percent()  # The first call only sets the point that the next one measures from.
    net_start = psutil.net_io_counters()
    gpus = _gpus()

    def sample() -> dict[str, float]:
        memory, disk, net = psutil.virtual_memory(), psutil.disk_usage(os.sep), psutil.net_io_counters()
        metrics = {
            "system/cpu_utilization_percentage": psutil.cpu_percent(),
            "system/system_memory_usage_megabytes": memory.used / _MEGA,
            "system/system_memory_usage_percentage": memory.percent,
            "system/disk_usage_percentage": disk.percent,
            "system/disk_usage_megabytes": disk.used / _MEGA,
            "system/disk_available_megabytes": disk.free / _MEGA,
        }
        if net is not None and net_start is not None:
            metrics["system/network_receive_megabytes"] = (net.bytes_recv - net_start.bytes_recv) / _MEGA
            metrics["system/network_transmit_megabytes"] = (net.bytes_sent - net_start.bytes_sent) / _MEGA
        return metrics | gpus()

    return sample


def _gpus() -> Callable[[], dict[str, float]]:
    """Return a function that measures NVIDIA GPUs, if pynvml and a driver are there."""
    try:
        nvml: Any = importlib.import_module("pynvml")
        nvml.nvmlInit()
        handles = [nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())]
    # pynvml raises classes of its own, which exist only once it is imported.
    except Exception:  # noqa: BLE001
        return dict

    def sample() -> dict[str, float]:
        metrics: dict[str, float] = {}
        for number, handle in enumerate(handles):
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            name = f"system/gpu_{number}"
            metrics[f"{name}_memory_usage_megabytes"] = memory.used / _MEGA
            metrics[f"{name}_memory_usage_percentage"] = 100 * memory.used / memory.total
            metrics[f"{name}_utilization_percentage"] = nvml.nvmlDeviceGetUtilizationRates(handle).gpu
            metrics[f"{name}_power_usage_watts"] = nvml.nvmlDeviceGetPowerUsage(handle) / 1000
        return metrics

    return sample
