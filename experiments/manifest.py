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

import sim
from experiments import store
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


def begin(folder: Path, plan: Plan) -> dict[str, Any]:
    """The manifest of the folder, new or continued. Raises StoreError where the folder holds something else."""
    stored = check(folder, plan)
    if stored is None:
        with store.writing(folder):
            store.write_aside(folder / STUDY, plan.study.text)
        stored = _fresh(plan)
    stored["sessions"].append({"began": _now(), "workers": 0, "runs": 0})
    return stored


def check(folder: Path, plan: Plan) -> dict[str, Any] | None:
    """The stored manifest, if it belongs to this plan; None where the folder is free. Raises StoreError."""
    stored = read(folder)
    if stored is None:
        _check_free(folder, plan)
    else:
        _check_same(folder, stored, plan)
    return stored


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


def end_session(
    record: dict[str, Any], workers: int, runs: int, seconds: float, worker_seconds: float, kernel_seconds: float
) -> None:
    """Notes what the present session has done, and adds up all of them."""
    cost = {
        "seconds": round(seconds, 3),
        "worker_seconds": round(worker_seconds, 3),
        "kernel_seconds": round(kernel_seconds, 3),
    }
    record["sessions"][-1] |= {"ended": _now(), "workers": workers, "runs": runs, **cost}
    for name in cost:
        record["timing"][name] = round(sum(session.get(name, 0.0) for session in record["sessions"]), 3)
    record["is_complete"] = True


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
        "options": {"replicates": study.replicates, "settings": study.settings},
        "seeds": {
            "first": study.seed,
            "last": study.seed + study.replicates - 1,
            "rule": "replicate r runs with seed first + r - 1",
        },
        "counts": {
            "scenarios": len(plan.cells),
            "replicates": study.replicates,
            "runs": plan.n_jobs,
            "batches": len(plan.batches),
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


def _check_same(folder: Path, stored: dict[str, Any], plan: Plan) -> None:
    way_out = f"choose another folder with --out, or remove {folder} to start again"
    if stored["study_hash"] != plan.study_hash:
        raise StoreError(f"{folder} holds results of {_difference(stored, plan)}; {way_out}")
    if stored["code_hash"] != code_hash():
        raise StoreError(f"{folder} holds results of other code of the model (sim/ has changed since); {way_out}")
    if stored.get("counts", {}).get("batches") != len(plan.batches):
        raise StoreError(f"{folder} holds results cut into other batches by an earlier version; {way_out}")


def _difference(stored: dict[str, Any], plan: Plan) -> str:
    options = stored["options"]
    if stored["study"] != plan.study.name:
        return f"another study ({stored['study']})"
    if options.get("replicates") != plan.study.replicates:
        return f"this study with {options.get('replicates')} replicates, not {plan.study.replicates}"
    if options.get("settings") != json.loads(json.dumps(plan.study.settings, default=str)):
        return "this study with other settings (--set)"
    return "an earlier version of this study, which has changed since"


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
