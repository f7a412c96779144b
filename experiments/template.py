"""The study that ``positivesum new`` writes: commented, small, and ready to run."""

from __future__ import annotations

from pathlib import Path

from experiments.errors import StoreError

TEXT = """\
# A study: a question put to the model. Try it:
#     positivesum validate {path}
#     positivesum sweep {path}

question = "Does listening first pay, and does it pay where the pie cannot grow?"

replicates = 8            # runs per combination; replicate r uses seed + r - 1 everywhere, so all meet the same luck
seed = 1

# One number per run. See 'positivesum describe measures'. Three words stand for more than one:
# "bars" (realized, avoidable, out of reach), "losses" (the shortfall and its parts), "better_off" (who gains).
measures = ["value", "mutual", "captured", "bars", "better_off"]

# Per-step measures stored for each run and drawn as trajectories.
series = ["value", "mutual"]

# What everything is compared with; without this, the first world and the first design.
reference = {{ world = "growing pie", design = "business as usual" }}

# The scenario that everything starts from. See 'positivesum describe parameters'; what is not named keeps its default.
[base]
n_organizations = 60
steps = 120

# Worlds: what partnerships can yield. Each changes the base.
[worlds."growing pie"]

[worlds."fixed pie"]
synergy = 0

# Designs: what the partners do about it. See 'positivesum describe levers'; levers = x sets all twelve.
[designs."business as usual"]

[designs."half-hearted"]
levers = 0.3

[designs."listening added"]
against = "half-hearted"  # compared with this design rather than with the reference
levers = 0.3
listening = 1

# Factors: parameters varied over a full grid. Remove the hash to try two levels of rivalry.
# [factors]
# rivalry = [0.1, 0.4]
# trust = {{ from = 0.2, to = 0.8, points = 4 }}
"""


def write_template(path: Path) -> None:
    """Writes the study to start from; never over a file that is there. Raises StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(TEXT.format(path=path))
    except (FileExistsError, NotADirectoryError):
        if not path.parent.is_dir():
            raise StoreError(f"{path.parent} is a file; move it away, studies go into a folder of that name") from None
        raise StoreError(f"{path} is there already; choose another name or remove it") from None
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({(error.strerror or str(error)).lower()}); choose another place"
        ) from None
