"""Positive Sum: organizations on a network of potential partnerships compete, cooperate or co-create.

The front door: ``from sim import Scenario, simulate, PartnershipModel``.
"""

# The version of the rules: it changes when the same scenario and seed give other numbers.
MODEL_VERSION = "1"

_DOORS = {
    "Scenario": "sim.parameters", "Event": "sim.parameters", "Phase": "sim.parameters", "Sector": "sim.parameters",
    "simulate": "sim.simulation", "PartnershipModel": "sim.model", "Organization": "sim.organization",
    "PositiveSumError": "sim.errors", "ScenarioError": "sim.errors", "NetworkError": "sim.errors",
}  # fmt: skip
__all__ = [*_DOORS, "MODEL_VERSION"]


def __getattr__(name: str):
    """Load a door only when it is asked for: the compiled engine and Mesa each take their time to import."""
    if name not in _DOORS:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_DOORS[name]), name)
