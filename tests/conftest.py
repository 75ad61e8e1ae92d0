"""What all tests may use: two accounts, acme and globex, and four people."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from cartrover import clock
from cartrover.accounts.models import Account, Role, User
from tests.factories import AccountFactory, MembershipFactory, UserFactory
from tests.far_sides import _commerce, _dsco, _wms_boxes, commerce, dsco, hub, make_hub, wms_kind
from tests.faults.tally import pytest_terminal_summary
from tests.servers import databases

__all__ = ["_commerce", "_dsco", "_wms_boxes", "commerce", "dsco", "hub", "make_hub", "pytest_terminal_summary", "wms_kind"]


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that all processes of this run share."""
    if databases.SHARED not in os.environ:
        os.environ[databases.SHARED] = tempfile.mkdtemp(prefix="cartrover-tests-share-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(databases.SHARED), ignore_errors=True))


SAME_ON_ANY_DATABASE = {"architecture", "connectors", "contract"}
"""Folders whose tests that ask for no database have none: texts, bytes, and far sides on the wire."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the second of two runs leave out what the first has shown already."""
    words = "leave out tests that have no database: on another one they do the same again"
    parser.addoption("--database-only", action="store_true", help=words)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave whole installations out where the suite doesn't run on services: `make test-services` runs them, first of all,
    as they wait a lot and others work meanwhile."""
    on_services = os.environ.get("DATABASE_URL", "").startswith("postgres")
    installations = [item for item in items if item.get_closest_marker("faults")]
    others = [item for item in items if not item.get_closest_marker("faults")]
    wanted = [item for item in others if not config.getoption("--database-only") or _has_database(item)]
    items[:] = [*installations, *wanted] if on_services else wanted
    config.hook.pytest_deselected(items=[item for item in [*installations, *others] if item not in set(items)])


def _has_database(item: pytest.Item) -> bool:
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    asks = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
    return bool(asks) or folder not in SAME_ON_ANY_DATABASE or item.get_closest_marker("django_db") is not None


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Begin with the tables that were made once for all processes."""
    default = settings.DATABASES["default"]
    if "sqlite" in default["ENGINE"]:
        databases.copy_of_migrated(Path(default["TEST"]["NAME"]))
    else:
        default.setdefault("TEST", {})["TEMPLATE"] = databases.migrated_on(os.environ["DATABASE_URL"])


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The copy is there already; its folder is this run's alone."""
    return "sqlite" in settings.DATABASES["default"]["ENGINE"]


@pytest.fixture(scope="session", autouse=True)
def _emptied_quickly() -> Iterator[None]:
    with databases.emptied_quickly():
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_clock() -> Iterator[None]:
    """Let PostgreSQL's clock go with this process's, also where a test moves it. tests/kernel/test_clock.py and
    tests/faults/test_clocks.py tell them apart."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clock, "_asked", timezone.now)
        patched.setattr(clock, "ASK_EVERY", 0.0)
        yield


@pytest.fixture
def acme(db: None) -> Account:
    return AccountFactory.create(slug="acme", name="Acme")


@pytest.fixture
def globex(db: None) -> Account:
    return AccountFactory.create(slug="globex", name="Globex")


@pytest.fixture
def alice(acme: Account) -> User:
    """Owner of acme."""
    return MembershipFactory.create(account=acme, user__email="alice@example.com", role=Role.OWNER).user


@pytest.fixture
def bob(acme: Account) -> User:
    """Operator of acme."""
    return MembershipFactory.create(account=acme, user__email="bob@example.com", role=Role.OPERATOR).user


@pytest.fixture
def vera(acme: Account) -> User:
    """Viewer of acme."""
    return MembershipFactory.create(account=acme, user__email="vera@example.com", role=Role.VIEWER).user


@pytest.fixture
def charlie(globex: Account) -> User:
    """Owner of globex, and a stranger to acme."""
    return MembershipFactory.create(account=globex, user__email="charlie@example.com", role=Role.OWNER).user


@pytest.fixture
def staff(db: None) -> User:
    """One of our own, with every right in the staff console and no membership."""
    return UserFactory.create(email="staff@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def browser() -> Callable[[User | None], Client]:
    """Return what gives a browser of its own to a person: `browser(alice).get("/a/acme/")`, `browser(None)` for a stranger."""

    def signed_in(user: User | None) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return signed_in
