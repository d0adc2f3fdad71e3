"""The scenario's log as files, written once: a Parquet file per day of arrival."""

import hashlib
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from assay.durable_files import write_error
from assay.errors import ConfigurationError
from assay.events.simulator.delivery import Records
from assay.events.simulator.scenario import DAY, read_scenario
from assay.events.simulator.simulation import simulate
from assay.locks import exclusive
from assay.settings import Settings

# Counted up whenever the same scenario comes out otherwise.
SIMULATOR_VERSION = 1


def scenario_log(settings: Settings) -> Path:
    """The folder of the log that `settings.events`, a scenario, stands for: `{day}.parquet` for each of its days.

    Written at the first call, as a whole or not at all; a later call finds it, and so does another process. Raises
    ConfigurationError for a scenario that does not fit, StorageError or DiskFull when the log cannot be written.
    """
    if settings.events is None:
        raise ConfigurationError(
            "`ASSAY_EVENTS` is empty, so there is no scenario. Nothing was simulated. "
            "Switch events on with `export ASSAY_EVENTS=samples/livestream.toml`."
        )
    scenario = read_scenario(settings.events)
    content = Path(settings.events).read_bytes() + f"\n{SIMULATOR_VERSION}".encode()
    name = hashlib.sha256(content).hexdigest()[:16]
    folder = settings.event_log_path / name
    if folder.exists():
        return folder
    with exclusive(settings.locks_path / f"event_log_{name}.lock"):
        if folder.exists():
            return folder
        simulation = simulate(scenario)
        unfinished = folder.with_name(f".{name}")
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            cuts = _days_cut(simulation.records, scenario.start_us // DAY, scenario.days)
            for day, (start, end) in zip(scenario.arrival_days, cuts, strict=True):
                pq.write_table(simulation.log.slice(start, end - start), unfinished / f"{day}.parquet")
            unfinished.rename(folder)
        except OSError as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise write_error(
                f"The event log `{folder}` could not be written: {error.strerror or error}. Nothing of it was left. "
                "Look at the place with `assay doctor`, then run this again.",
                error,
            ) from error
    return folder


def _days_cut(records: Records, first_day: int, days: int) -> list[tuple[int, int]]:
    """Where each day begins and ends in the log, which stands in the order of arrival."""
    bounds = np.searchsorted(records.arrival_day, np.arange(first_day, first_day + days + 1)).tolist()
    return list(pairwise(bounds))
