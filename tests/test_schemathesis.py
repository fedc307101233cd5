"""The OpenAPI document is true: schemathesis sends valid and invalid requests made from it to a real gunicorn."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT, running_server, unmeasured

PHASES = {"examples", "coverage", "fuzzing", "stateful"}


@pytest.mark.slow
def test_no_request_from_the_document_contradicts_it(transactional_db: None, tmp_path: Path) -> None:
    log, report = tmp_path / "gunicorn.log", tmp_path / "report.json"
    with running_server(GUNICORN_CMD_ARGS=f"--capture-output --error-logfile {log} --access-logfile {log}") as server:
        run = subprocess.run(
            [
                Path(sys.executable).with_name("st"),
                "--config-file=tests/schemathesis.toml",
                "run",
                f"{server.url}/openapi.json",
                f"--report-json-path={report}",
                "--no-color",
            ],
            cwd=ROOT,
            env=unmeasured() | {"HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    found = json.loads(report.read_text())
    assert {phase: how["status"] for phase, how in found["phases"].items()} == dict.fromkeys(PHASES, "success")
    assert found["operations"]["tested"] == found["operations"]["total"] == 8
    assert found["test_cases"]["generated"] >= 2000
    assert " ERROR " not in log.read_text()
