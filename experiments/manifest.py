"""The birth certificate of a results folder: which study, code, versions, seeds and machine, and what it cost.

It also guards the folder: results of another study, or of other code, are never mixed with these.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import sim
from experiments import parts, store
from experiments.errors import StoreError
from experiments.plan import Plan

NAME = "manifest.json"
STUDY = "study.toml"
PACKAGES = (
    "positivesum",
    "numpy",
    "numba",
    "pyarrow",
    "pandas",
    "scipy",
    "mesa",
    "networkx",
    "seaborn",
    "matplotlib",
    "click",
)


def begin(folder: Path, plan: Plan, stock: parts.Stock) -> dict[str, Any]:
    """The manifest of the folder: new, continued, or that of a study that has grown. Raises StoreError as ``check``."""
    stored = check(folder, plan, stock)
    if stored is not None and stored["study_hash"] == plan.study_hash:
        return stored
    fresh = _fresh(plan)
    if stored is not None:
        with store.writing(folder):  # its parts may bear other names: all are cut anew, from what they hold
            for name in list(stock.live):
                stock.put_aside(name)
        kept = {key: stored[key] for key in ("sessions", "timing") if key in stored}
        before = [*stored.get("before", []), {"study_hash": stored["study_hash"], "until": _now()}]
        fresh |= kept | {"before": before}
    with store.writing(folder):
        store.write_aside(folder / STUDY, plan.study.text)
    write(folder, fresh)
    return fresh


def begin_session(record: dict[str, Any]) -> None:
    """Notes that something is run from now on, after which the figures there are no longer hold."""
    record.pop("figures", None)
    record["sessions"].append({"began": _now(), "workers": 0, "runs": 0})
    record["is_complete"] = False


def check(folder: Path, plan: Plan, stock: parts.Stock | None = None) -> dict[str, Any] | None:
    """The stored manifest, if the folder may hold this plan; None where the folder is free. Raises StoreError.

    It may if it holds nothing that the plan does not ask for: then the study is the same, or has grown.
    """
    stored = read(folder)
    if stored is None:
        _check_free(folder, plan)
    else:
        _check_same(folder, stored, plan, stock)
    return stored


def is_told(folder: Path, record: dict[str, Any]) -> bool:
    """Whether this is what the folder's manifest says."""
    return json.loads(json.dumps(record, default=str)) == read(folder)


def read(folder: Path) -> dict[str, Any] | None:
    """The stored manifest, or None where there is none. Raises StoreError where it is illegible."""
    try:
        stored = json.loads((folder / NAME).read_text(encoding="utf-8"))
        return stored | {key: stored[key] for key in ("study", "study_hash", "code_hash", "sessions", "options")}
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"{folder / NAME} cannot be read as a manifest ({error}); remove {folder} "
            "or choose another folder with --out"
        ) from None


def write(folder: Path, manifest: dict[str, Any]) -> None:
    """Stores the manifest."""
    with store.writing(folder):
        store.write_aside(
            folder / NAME, (json.dumps(manifest, indent=2, ensure_ascii=False, default=str) + "\n").encode()
        )


def end_session(record: dict[str, Any], workers: int, report) -> None:
    """Notes what the present session has done (a ``runner.Report``), and adds up all of them."""
    cost = {name: round(getattr(report, name), 3) for name in ("seconds", "worker_seconds", "kernel_seconds")}
    record["sessions"][-1] |= {"ended": _now(), "workers": workers, "runs": report.n_new, **cost}
    for name in cost:
        record["timing"][name] = round(sum(session.get(name, 0.0) for session in record["sessions"]), 3)


def code_hash() -> str:
    """Hash (16 hex digits) of the sources of the model, on which results depend besides their inputs."""
    digest = hashlib.sha256()
    for path in sorted(Path(sim.__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _fresh(plan: Plan) -> dict[str, Any]:
    study = plan.study
    return {
        "study": study.name,
        "question": study.question,
        "study_hash": plan.study_hash,
        "code_hash": code_hash(),
        "model_version": getattr(sim, "MODEL_VERSION", ""),
        "source": str(Path(study.source).resolve()),
        "options": _options(plan),
        "seeds": {
            "first": study.seed,
            "last": study.seed + study.replicates - 1,
            "rule": "replicate r runs with seed first + r - 1",
        },
        "counts": {
            "scenarios": len(plan.cells),
            "replicates": study.replicates,
            "runs": plan.n_jobs if study.until is None else f"{plan.n_jobs} to {plan.most_jobs}",
        },
        "is_complete": False,
        "versions": {"python": platform.python_version(), **_versions()},
        "machine": {"platform": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
        "command": sys.argv,
        "timing": {},
        "sessions": [],
    }


def _check_free(folder: Path, plan: Plan) -> None:
    """A folder without a manifest must be empty, but for single runs and what a kill at the first breath left."""
    begun = [path for path in folder.iterdir() if not path.name.startswith((".", "run-"))] if folder.is_dir() else []
    if begun and not (begun == [folder / STUDY] and begun[0].read_bytes() == plan.study.text):
        raise StoreError(f"{folder} holds other files ({begun[0].name}); choose another folder with --out")


def _check_same(folder: Path, stored: dict[str, Any], plan: Plan, stock: parts.Stock | None) -> None:
    way_out = f"choose another folder with --out, or remove {folder} to start again"
    if stored["code_hash"] != code_hash():
        raise StoreError(f"{folder} holds results of other code of the model (sim/ has changed since); {way_out}")
    if stored["study_hash"] == plan.study_hash:
        return
    stock = stock or parts.Stock(folder, parts.kinds_of(plan.study))
    held = stock.run_ids()
    n_strange = len(np.setdiff1d(held, _all_ids(plan))) if len(held) else 0
    if n_strange:
        raise StoreError(
            f"{folder} holds results of {_difference(stored, plan)}: the study given does not ask for {n_strange} of "
            f"the {len(held)} runs stored; {way_out}"
        )


def _all_ids(plan: Plan) -> np.ndarray:
    """Ids of all runs that the plan may ask for."""
    replicates = range(1, plan.study.replicates + 1)
    ids = (plan.job(cell, replicate).run_id for cell in range(len(plan.cells)) for replicate in replicates)
    return np.fromiter((int(run_id, 16) for run_id in ids), np.uint64)


def _difference(stored: dict[str, Any], plan: Plan) -> str:
    options, asked = stored["options"], _options(plan)
    if stored["study"] != plan.study.name:
        return f"another study ({stored['study']})"
    if None not in (options.get("replicates"), asked["replicates"]) and options["replicates"] > asked["replicates"]:
        return f"this study with {options['replicates']} replicates, not {asked['replicates']}"
    if options.get("settings") != json.loads(json.dumps(asked["settings"], default=str)):
        return "this study with other settings (--set)"
    return "an earlier version of this study, which has changed since"


def _options(plan: Plan) -> dict[str, Any]:
    """What the study file does not say, or what the command line said instead."""
    study = plan.study
    return {"replicates": None if study.until else study.replicates, "settings": study.settings}


def _versions() -> dict[str, str]:
    installed = {}
    for name in PACKAGES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
