"""The transports against servers that merchants really meet: OpenSSH and proftpd, where they are installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.errors import FixConnection
from connectors.transports.files import Denied, FileServer, NotFound
from connectors.transports.ftp import FtpServer
from connectors.transports.sftp import SftpServer
from tests.servers.certificates import make_certificates
from tests.servers.debian import PASSWORD, can_run_sshd, has_proftpd, proftpd, sshd
from tests.servers.hub import OpenNetwork, no_progress

needs_proftpd = pytest.mark.skipif(not has_proftpd(), reason="proftpd with mod_tls and mod_sftp isn't installed")
needs_sshd = pytest.mark.skipif(not can_run_sshd(), reason="sshd isn't installed, or the tests don't run as root")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "far"
    (root / "out").mkdir(parents=True)
    (root / "in").mkdir()
    (root / "out" / "orders 1.csv").write_bytes(b"x" * 4321)
    return root


def work_with(server: FileServer, folder: Path, prefix: str) -> None:
    """Do all that a session does."""
    server.open()
    (entry,) = server.listdir(f"{prefix}out")
    assert (entry.name, entry.size, entry.is_dir) == ("orders 1.csv", 4321, False)
    assert entry.modified_at is not None
    assert abs(entry.modified_at.timestamp() - (folder / "out" / "orders 1.csv").stat().st_mtime) < 2
    assert b"".join(server.read(f"{prefix}out/orders 1.csv")) == b"x" * 4321
    for number in range(3):
        body = os.urandom(700_000)
        server.write(f"{prefix}in/.{number}.part", body)
        server.rename(f"{prefix}in/.{number}.part", f"{prefix}in/same.csv")
        assert (folder / "in" / "same.csv").read_bytes() == body
    server.remove(f"{prefix}in/same.csv")
    assert server.listdir(f"{prefix}in") == []
    with pytest.raises(NotFound):
        list(server.read(f"{prefix}out/nothing"))
    with pytest.raises((NotFound, Denied)):
        server.write(f"{prefix}nowhere/f", b"x")
    server.close()


@needs_proftpd
@pytest.mark.parametrize("protocol", ["TLSv1.2", "TLSv1.3"])
def test_proftpd_that_demands_session_reuse(folder, tmp_path, protocol):
    certificates = make_certificates(tmp_path / "certificates")
    with proftpd(folder, tmp_path / "state", certificate=certificates.server, protocol=protocol) as port:
        known = {"network": OpenNetwork(), "progress": no_progress, "host": "localhost", "port": port, "username": "merchant"}
        server = FtpServer(**known, password=PASSWORD, tls=True, ca_file=str(certificates.authority), timeout=5)
        work_with(server, folder, f"{folder}/")
        with pytest.raises(FixConnection):
            FtpServer(**known, password="wrong", tls=True, verify=False, timeout=5).open()
        with pytest.raises(FixConnection):
            FtpServer(**known, password=PASSWORD, tls=False, timeout=5).open()


@needs_proftpd
def test_sftp_of_proftpd(folder, tmp_path):
    with proftpd(folder, tmp_path / "state") as port:
        known = {"network": OpenNetwork(), "progress": no_progress, "host": "127.0.0.1", "port": port, "username": "merchant"}
        work_with(SftpServer(**known, password=PASSWORD, timeout=5), folder, f"{folder}/")
        with pytest.raises(FixConnection, match="refused"):
            SftpServer(**known, password="wrong", timeout=5).open()


@needs_sshd
def test_sftp_of_openssh(folder, tmp_path):
    with sshd(folder, tmp_path / "state") as port:
        known = {"network": OpenNetwork(), "progress": no_progress, "host": "127.0.0.1", "port": port, "username": "merchant"}
        work_with(SftpServer(**known, password=PASSWORD, timeout=5), folder, "")
        pinned = " ".join((tmp_path / "state" / "ecdsa.pub").read_text().split()[:2])
        server = SftpServer(**known, password=PASSWORD, pinned_host_key=pinned, timeout=5)
        server.open()
        assert server.seen_host_key == pinned
        server.close()
        with pytest.raises(FixConnection, match="refused"):
            SftpServer(**known, password="wrong", timeout=5).open()
