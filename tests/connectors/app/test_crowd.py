"""Workers of several processes, with several threads each, share a budget, a memory and a token without a mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{folder / 'hub.sqlite3'}", "CARTROVER_VAR": str(folder)}
    command = [sys.executable, "-m", "tests.connectors.app.crowd", *words]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_three_processes_with_four_threads_share_everything_rightly(tmp_path: Path):
    with start(tmp_path, "make") as maker:
        assert maker.wait(60) == 0
    far_side = tmp_path / "far"
    far_side.mkdir()
    workers = [start(tmp_path, "work", str(far_side)) for _ in range(3)]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    results = []
    for worker in workers:
        output, _ = worker.communicate(timeout=60)
        assert worker.returncode == 0
        results.extend(json.loads(output))

    assert sum(result["taken"] for result in results) == 120
    assert len(list(far_side.glob("company-*"))) == 1
    assert {result["company"] for result in results} == {"company"}
    assert len(list(far_side.glob("token-*"))) == 1
    assert len({result["token"] for result in results}) == 1
    assert all(result["open"] == [] for result in results)
