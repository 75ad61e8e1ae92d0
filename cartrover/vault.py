"""Seals credentials before they touch the database, and opens them again; keys can be rotated while the hub runs."""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

DERIVATION = b"cartrover vault, key of credentials, 1"
"""Names the purpose of the derived key, so that nothing else made from SECRET_KEY can ever equal it."""


class SealBroken(RuntimeError):
    """No key opens a sealed secret: the key it was sealed with is gone, or its bytes were changed."""

    def __init__(self) -> None:
        super().__init__(
            "A stored secret can't be opened: it was sealed with a key that the hub no longer has. Put the old key back at the "
            "end of VAULT_KEYS (or the old SECRET_KEY into SECRET_KEY_FALLBACKS), or enter the secret again."
        )


def seal(text: str) -> bytes:
    """Return `text` sealed with the newest key; sealing it twice gives different bytes."""
    return _keys()[0].encrypt(text.encode())


def unseal(sealed: bytes | memoryview) -> str:
    """Return the text that was sealed. Raise `SealBroken` when no key opens it."""
    try:
        return MultiFernet(_keys()).decrypt(bytes(sealed)).decode()
    except InvalidToken:
        raise SealBroken from None


def needs_resealing(sealed: bytes | memoryview) -> bool:
    """Tell whether another key than the newest one sealed this. Raise `SealBroken` when no key opens it."""
    try:
        _keys()[0].decrypt(bytes(sealed))
    except InvalidToken:
        unseal(sealed)
        return True
    return False


def reseal(sealed: bytes | memoryview) -> bytes:
    """Return the same secret under the newest key. Raise `SealBroken` when no key opens it."""
    return seal(unseal(sealed))


def _keys() -> list[Fernet]:
    secrets = (settings.SECRET_KEY, *getattr(settings, "SECRET_KEY_FALLBACKS", ()))
    return _made_keys(tuple(settings.VAULT_KEYS), secrets)


@lru_cache(maxsize=8)
def _made_keys(vault_keys: tuple[str, ...], secrets: tuple[str, ...]) -> list[Fernet]:
    """Newest first. The derived keys stay at the end, so that setting VAULT_KEYS for the first time locks nothing out."""
    try:
        named = [Fernet(key) for key in vault_keys]
    except ValueError:
        raise ImproperlyConfigured(
            "VAULT_KEYS holds something that isn't a key. Each must be 32 bytes in URL-safe base64; make one with: "
            'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
        ) from None
    return named + [Fernet(_derived(secret)) for secret in secrets]


def _derived(secret: str) -> bytes:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=DERIVATION).derive(secret.encode())
    return base64.urlsafe_b64encode(key)
