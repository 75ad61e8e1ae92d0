"""Credentials are sealed, open again, and follow the keys."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from cartrover.vault import SealBroken, needs_resealing, reseal, seal, unseal

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@given(st.text())
def test_what_is_sealed_opens_again_and_shows_nothing(text: str) -> None:
    sealed = seal(text)
    assert unseal(sealed) == text
    assert unseal(memoryview(sealed)) == text
    assert len(text) < 4 or text.encode() not in sealed
    assert seal(text) != sealed


def test_newest_key_seals_and_older_ones_still_open(settings: Settings) -> None:
    settings.VAULT_KEYS = [OLD]
    sealed = seal("hunter2")
    assert not needs_resealing(sealed)
    settings.VAULT_KEYS = [NEW, OLD]
    assert unseal(sealed) == "hunter2"
    assert needs_resealing(sealed)
    renewed = reseal(sealed)
    settings.VAULT_KEYS = [NEW]
    assert unseal(renewed) == "hunter2"
    assert not needs_resealing(renewed)


def test_first_vault_key_locks_nothing_out(settings: Settings) -> None:
    settings.VAULT_KEYS = []
    sealed = seal("hunter2")
    settings.VAULT_KEYS = [NEW]
    assert needs_resealing(sealed)
    assert unseal(sealed) == "hunter2"


def test_changed_secret_key_opens_while_the_old_one_is_a_fallback(settings: Settings) -> None:
    settings.VAULT_KEYS = []
    sealed = seal("hunter2")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    assert needs_resealing(sealed)
    assert unseal(sealed) == "hunter2"


@pytest.mark.parametrize("act", [unseal, needs_resealing, reseal])
def test_lost_key_says_what_to_do(act: object, settings: Settings) -> None:
    settings.VAULT_KEYS = [OLD]
    sealed = seal("hunter2")
    settings.VAULT_KEYS = [NEW]
    with pytest.raises(SealBroken, match="Put the old key back at the end of VAULT_KEYS") as caught:
        act(sealed)  # type: ignore[operator]  # three functions of one shape
    assert "hunter2" not in str(caught.value)


def test_tampered_bytes_do_not_open() -> None:
    sealed = bytearray(seal("hunter2"))
    sealed[40] ^= 1
    with pytest.raises(SealBroken):
        unseal(bytes(sealed))


def test_key_that_is_none_is_refused_without_showing_it(settings: Settings) -> None:
    settings.VAULT_KEYS = ["my-own-idea-of-a-key"]
    with pytest.raises(ImproperlyConfigured, match="32 bytes in URL-safe base64") as caught:
        seal("x")
    assert "my-own-idea" not in str(caught.value)
