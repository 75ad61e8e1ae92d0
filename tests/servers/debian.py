"""Servers from Debian's packages, where they are installed: proftpd (FTPS and SFTP) and OpenSSH's sshd."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PASSWORD = "correct horse"
PROFTPD = "/usr/sbin/proftpd"
SSHD = "/usr/sbin/sshd"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def hashed(password: str) -> str:
    openssl = subprocess.run(["openssl", "passwd", "-6", password], capture_output=True, text=True, check=True)
    return openssl.stdout.strip()


def has_proftpd() -> bool:
    modules = Path("/usr/lib/proftpd")
    return Path(PROFTPD).exists() and (modules / "mod_tls.so").exists() and (modules / "mod_sftp.so").exists()


def can_run_sshd() -> bool:
    """sshd takes passwords of system users only, so one is lent to it in a mount namespace of its own: for root alone."""
    if os.geteuid() != 0 or not Path(SSHD).exists() or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode == 0


@contextlib.contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[None]:
    """Run a server in the foreground until it takes connections on `port`, and stop it at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for(port, process, log)
        yield
    finally:
        # The group: sessions are children of their own.
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended: {log.read_text()[-2000:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} takes no connections: {log.read_text()[-2000:]}")


PROFTPD_CONF = """
ServerType standalone
ServerName tests
DefaultAddress 127.0.0.1
SocketBindTight on
Port {port}
UseIPv6 off
UseReverseDNS off
User {user}
Group {group}
PidFile {state}/proftpd.pid
ScoreboardFile {state}/scoreboard
DelayTable none
SystemLog {state}/proftpd.log
WtmpLog off
RequireValidShell off
AuthOrder mod_auth_file.c
AuthUserFile {state}/users
MaxInstances 10
AllowOverwrite on
LoadModule mod_tls.c
LoadModule mod_sftp.c
<IfModule mod_delay.c>
  DelayEngine off
</IfModule>
{service}
"""
FTPS = """
TLSEngine on
TLSRequired on
TLSProtocol {protocol}
TLSRSACertificateFile {certificate}
TLSRSACertificateKeyFile {certificate}
TLSECCertificateFile {certificate}
TLSECCertificateKeyFile {certificate}
TLSLog {state}/tls.log
"""
SFTP = """
SFTPEngine on
SFTPHostKey {state}/host_key
SFTPAuthMethods password
SFTPLog {state}/sftp.log
"""


@contextlib.contextmanager
def proftpd(folder: Path, state: Path, *, certificate: Path | None = None, protocol: str = "TLSv1.3") -> Iterator[int]:
    """Run proftpd below `folder` for user merchant and return its port: FTPS that demands session reuse, or without a
    certificate SFTP. It runs as the user of the tests."""
    state.mkdir()
    uid, gid = os.getuid(), os.getgid()
    users = state / "users"
    users.write_text(f"merchant:{hashed(PASSWORD)}:{uid}:{gid}::{folder}:/bin/false\n")
    users.chmod(0o600)
    port = free_port()
    if certificate is None:
        keygen = ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f", str(state / "host_key")]
        subprocess.run(keygen, check=True)
    parts = FTPS if certificate else SFTP
    service = parts.format(state=state, certificate=certificate, protocol=protocol)
    if uid == 0:
        service += "RootLogin on\n"
    user, group = pwd.getpwuid(uid).pw_name, grp.getgrgid(gid).gr_name
    configuration = state / "proftpd.conf"
    configuration.write_text(PROFTPD_CONF.format(state=state, port=port, user=user, group=group, service=service))
    with running([PROFTPD, "-n", "-q", "-c", str(configuration)], port, state / "output"):
        yield port


SSHD_CONF = """
Port {port}
ListenAddress 127.0.0.1
HostKey {state}/ed25519
HostKey {state}/ecdsa
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication yes
AllowUsers merchant
Subsystem sftp internal-sftp
LogLevel VERBOSE
Match User merchant
  ForceCommand internal-sftp -d {folder}
"""


@contextlib.contextmanager
def sshd(folder: Path, state: Path) -> Iterator[int]:
    """Run OpenSSH's server for user merchant, whose login folder is `folder`, and return its port. The user exists in the
    server's own mount namespace only."""
    state.mkdir()
    for kind in ("ed25519", "ecdsa"):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(state / kind)], check=True)
    passwd, shadow = state / "passwd", state / "shadow"
    passwd.write_text(Path("/etc/passwd").read_text() + f"merchant:x:0:0::{folder}:/bin/sh\n")
    shadow.write_text(Path("/etc/shadow").read_text() + f"merchant:{hashed(PASSWORD)}:19000:0:99999:7:::\n")
    port = free_port()
    configuration = state / "sshd_config"
    configuration.write_text(SSHD_CONF.format(port=port, state=state, folder=folder) + "PermitRootLogin yes\n")
    script = (
        f"mount --bind {passwd} /etc/passwd && mount --bind {shadow} /etc/shadow && mkdir -p /run/sshd && "
        f"exec {SSHD} -D -e -f {configuration}"
    )
    with running(["unshare", "-m", "sh", "-c", script], port, state / "output"):
        yield port
