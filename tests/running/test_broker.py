"""The embedded broker: found, started, started again, and never in the way."""

from __future__ import annotations

from pathlib import Path

import celery
import pytest

from cartrover.running import broker, hub, sockets
from cartrover.running.supervisor import Supervisor
from tests.waiting import becomes_true


@pytest.fixture
def supervisor():
    said: list[str] = []
    one = Supervisor(said.append)
    one.said = said
    yield one
    one.stop()


def all_programs() -> list[broker.Program]:
    return list(broker.programs())


def test_the_packages_bring_a_server_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert [program.folder for program in all_programs()] == ["bundled"]


@pytest.mark.parametrize("program", all_programs(), ids=lambda program: program.folder)
def test_a_message_survives_a_restart_of_the_broker(program: broker.Program, supervisor: Supervisor, tmp_path: Path) -> None:
    var = tmp_path / "a folder with spaces"
    app = celery.Celery(broker=broker.broker_url(var), set_as_current=False)
    child = supervisor.add(broker.plan(program, var, tmp_path / "log"))
    assert becomes_true(lambda: broker.answers(var)), (tmp_path / "log").read_text()

    app.send_task("some.task", queue="kept")
    supervisor.remove(child)
    assert not broker.answers(var)
    supervisor.add(broker.plan(program, var, tmp_path / "log"))
    assert becomes_true(lambda: broker.answers(var))

    with app.connection_for_read() as connection:
        message = connection.default_channel.basic_get("kept", no_ack=True)
    assert message is not None
    assert message.headers["task"] == "some.task"


def test_the_socket_moves_to_a_private_folder_where_the_path_would_be_too_long(supervisor: Supervisor, tmp_path: Path) -> None:
    var = tmp_path / ("deep" * 30)
    where = broker.socket_path(var)
    assert len(str(where)) <= sockets.LONGEST_SOCKET_PATH

    supervisor.add(broker.plan(all_programs()[0], var, tmp_path / "log"))
    assert becomes_true(lambda: broker.answers(var))
    assert where.parent.stat().st_mode & 0o777 == 0o700

    supervisor.stop()
    where.parent.rmdir()


def test_what_a_server_kept_is_set_aside_whole(tmp_path: Path) -> None:
    program = broker.Program(Path("/nowhere"), "some-server")
    assert broker.set_aside(program, tmp_path) is None
    folder = broker.data_folder(program, tmp_path)
    folder.mkdir(parents=True)
    (folder / "kept").write_text("x")

    aside = broker.set_aside(program, tmp_path)

    assert aside is not None
    assert (aside / "kept").read_text() == "x"
    assert not folder.exists()


def test_a_server_that_cannot_read_what_it_kept_starts_clean_and_the_rest_is_kept_aside(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    kept = broker.data_folder(all_programs()[0], tmp_path) / "appendonlydir"
    kept.mkdir(parents=True)
    (kept / "appendonly.aof.manifest").write_text("this is no manifest")

    hub.start_broker(hub.Wishes(root=tmp_path, var=tmp_path), supervisor)

    assert broker.answers(tmp_path)
    assert "that is set aside" in " ".join(supervisor.said).lower()
    assert [path.read_text() for path in tmp_path.glob("broker/*-unreadable-*/appendonlydir/*.manifest")] == [
        "this is no manifest"
    ]
