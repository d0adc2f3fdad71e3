"""A seeded livestream that misbehaves on demand and knows what must come out.

`simulate(read_scenario(path))` makes the log; `Simulation.truth(until)` is every mart after the arrivals up to that day,
computed from what the simulator did and never from the log; `scenario_log(settings)` keeps the log of the configured
scenario as files.
"""

from assay.events.simulator.log_files import scenario_log
from assay.events.simulator.scenario import Scenario, read_scenario
from assay.events.simulator.simulation import Simulation, simulate
from assay.events.simulator.truth import Truth

__all__ = ["Scenario", "Simulation", "Truth", "read_scenario", "scenario_log", "simulate"]
