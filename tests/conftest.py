"""What all tests may use: two accounts, acme and globex, and four people."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from cartrover.accounts.models import Account, Role, User
from tests.factories import AccountFactory, MembershipFactory, UserFactory
from tests.far_sides import _commerce, _dsco, _wms_boxes, commerce, dsco, hub, make_hub, wms_kind
from tests.faults.tally import pytest_terminal_summary
from tests.servers import databases

__all__ = ["_commerce", "_dsco", "_wms_boxes", "commerce", "dsco", "hub", "make_hub", "pytest_terminal_summary", "wms_kind"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave whole installations out where the suite doesn't run on services: `make test-services` runs them."""
    if os.environ.get("DATABASE_URL", "").startswith("postgres"):
        return
    left_out = [item for item in items if item.get_closest_marker("faults")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session", autouse=True)
def _emptied_quickly() -> Iterator[None]:
    with databases.emptied_quickly():
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
