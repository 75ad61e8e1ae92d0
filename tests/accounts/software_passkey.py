"""A passkey without a device: answers the browser's questions as an authenticator does that holds one key."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

NO_AAGUID = bytes(16)
PRESENT_AND_VERIFIED = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV


class SoftwarePasskey:
    """`create` and `use` take the options that the page holds and return what the browser would post."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = secrets.token_bytes(16)
        self.user_handle = ""

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        wanted = options["publicKey"]
        self.user_handle = wanted["user"]["id"]
        client = CollectedClientData.create(
            type="webauthn.create", challenge=websafe_decode(wanted["challenge"]), origin=self.origin
        )
        credential = AttestedCredentialData.create(
            NO_AAGUID, self.credential_id, ES256.from_cryptography_key(self.key.public_key())
        )
        data = AuthenticatorData.create(
            _digest(wanted["rp"]["id"]), PRESENT_AND_VERIFIED | AuthenticatorData.FLAG.AT, 0, credential
        )
        attested = AttestationObject.create("none", data, {})
        response = {"clientDataJSON": websafe_encode(client), "attestationObject": websafe_encode(attested)}
        return self._answer(response, {"credProps": {"rk": True}})

    def use(self, options: dict[str, Any]) -> dict[str, Any]:
        wanted = options["publicKey"]
        client = CollectedClientData.create(
            type="webauthn.get", challenge=websafe_decode(wanted["challenge"]), origin=self.origin
        )
        data = AuthenticatorData.create(_digest(wanted["rpId"]), PRESENT_AND_VERIFIED, 0)
        signature = self.key.sign(data + client.hash, ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": websafe_encode(client),
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
            "userHandle": self.user_handle,
        }
        return self._answer(response, {})

    def _answer(self, response: dict[str, str], results: dict[str, Any]) -> dict[str, Any]:
        name = websafe_encode(self.credential_id)
        return {"type": "public-key", "id": name, "rawId": name, "response": response, "clientExtensionResults": results}


def _digest(rp_id: str) -> bytes:
    return sha256(rp_id.encode()).digest()
