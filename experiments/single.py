"""One scenario, run once: its summary, series, final state and one figure in a folder of its own."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from experiments import store
from experiments.errors import StoreError, key_path
from experiments.layers import IN_THE_FILES
from experiments.study import Study
from sim.parameters import Scenario

SCENARIO = "scenario.toml"
TABLES = ("series", "organizations", "ties")


def default_folder(study: Study, scenario: Scenario, seed: int, world: str | None, design: str | None) -> Path:
    """``results/NAME/run-WORLD-DESIGN-SEED-HASH``: the same run lands in the same folder, another one elsewhere."""
    digest = hashlib.sha256(json.dumps(scenario.to_dict(), sort_keys=True, default=str).encode()).hexdigest()[:6]
    words = [re.sub(r"[^\w]+", "-", word).strip("-") for word in (world, design) if word]
    return Path("results", study.name, "-".join(["run", *words, f"seed{seed}", digest]))


def write_run(folder: Path, result, scenario: Scenario, title: str, seed: int) -> list[Path]:
    """Writes the result of ``simulate`` and returns the paths. Raises StoreError where the folder is not for this."""
    from experiments.figures import draw_run

    check_free(folder)
    with store.writing(folder), store.folder_aside(folder) as place:
        (place / SCENARIO).write_text(scenario_toml(scenario, title, seed), encoding="utf-8")
        (place / "summary.json").write_text(json.dumps(finite(result.summary), indent=2) + "\n", encoding="utf-8")
        for name in TABLES:
            getattr(result, name).to_csv(place / f"{name}.csv", index=False, lineterminator="\n")
        draw_run(result.series, title, place / "run.png")
        names = sorted(path.name for path in place.iterdir())
    return [folder / name for name in names]


def check_free(folder: Path) -> None:
    """A folder for a run can be written and is empty, or holds a run, which is replaced. Raises StoreError."""
    store.check_place(folder)
    with store.writing(folder):
        others = [path.name for path in folder.iterdir() if not path.name.startswith(".")] if folder.exists() else []
    if others and SCENARIO not in others:
        raise StoreError(f"{folder} holds other files ({others[0]}); choose another folder with --out")


def finite(values: dict[str, float]) -> dict[str, float | None]:
    """The same numbers with None for what is not a number, as JSON wants it."""
    return {name: value if value == value and abs(value) != float("inf") else None for name, value in values.items()}


def scenario_toml(scenario: Scenario, title: str, seed: int) -> str:
    """The scenario as a study of one run: ``positivesum run`` on it gives the same result again."""
    head = [f"question = {_toml(title)}", "replicates = 1", f"seed = {seed}", "", "[base]"]
    values = {name: value for name, value in scenario.to_dict().items() if value not in (None, "", [], ())}
    if scenario.network == "file":
        values = {name: value for name, value in values.items() if name not in IN_THE_FILES}
    for name in ("organizations", "ties"):
        if name in values:
            values[name] = str(Path(values[name]).resolve())
    return "\n".join([*head, *(f"{key_path(name)} = {_toml(value)}" for name, value in values.items())]) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key_path(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    return json.dumps(value)


def summary_text(summary: dict[str, float], title: str) -> str:
    """The summary as a table: number, measure, unit, meaning; a dash where there is nothing to measure."""
    from sim.measures import MEASURES

    rows = [(_number(summary[m.name]), m.name, f"{m.meaning} ({m.unit})") for m in MEASURES if m.name in summary]
    width = max((len(name) for _, name, _ in rows), default=0)
    return "\n".join([title, *(f"{number:>9}  {name:<{width}}  {meaning}" for number, name, meaning in rows)])


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"
