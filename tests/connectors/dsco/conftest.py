from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.dsco.hub import Hub
from tests.servers.ftp import RunningFtp, ftp_server
from tests.servers.sftp import RunningSftp, sftp_server


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """The folders of a DSCO account."""
    root = tmp_path / "far"
    for folder in ("in/processing", "in/archive", "out/archive", "misc"):
        (root / folder).mkdir(parents=True)
    return root


@pytest.fixture
def far(folders: Path) -> Iterator[RunningSftp]:
    """DSCO's server, by SFTP."""
    with sftp_server(folders) as running:
        yield running


@pytest.fixture
def hub(far: RunningSftp) -> Iterator[Hub]:
    """What opens sessions on the SFTP server."""
    opened = Hub(far.port, changes={"protocol": "sftp"})
    yield opened
    opened.close()


@pytest.fixture
def ftp_far(folders: Path) -> Iterator[RunningFtp]:
    """A server of a merchant's own, by FTP."""
    with ftp_server(folders) as running:
        yield running


@pytest.fixture
def ftp_hub(ftp_far: RunningFtp) -> Iterator[Hub]:
    """What opens sessions on the FTP server."""
    opened = Hub(ftp_far.port, changes={"protocol": "ftp"})
    yield opened
    opened.close()
