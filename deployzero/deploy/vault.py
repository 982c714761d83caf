"""Values encrypted at rest. The key derives from `secret.key`, a file of mode 0600."""

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from deployzero.errors import SettingsError
from deployzero.models.release import Change, Limits, Variable, Variables


class Vault:
    """Seals what the database stores of config: text in, text out, both UTF-8."""

    def __init__(self, key: bytes) -> None:
        """key: 32 bytes."""
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Raises SettingsError when another key sealed it, or it was changed."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise SettingsError(
                "config values cannot be decrypted: the data folder's secret.key does not fit",
                "Put back the secret.key that this database was used with, from your backup.",
            ) from None

    def seal_change(self, change: Change) -> str:
        return self.seal(json.dumps(asdict(change)))

    def open_change(self, sealed: str | None) -> Change:
        if sealed is None:
            return Change()
        stored: dict[str, Any] = json.loads(self.open(sealed))
        stored["limits"] = {name: Limits(**each) for name, each in stored["limits"].items()}
        return Change(**stored | {name: tuple(stored[name]) for name in ("build", "unset")})

    def seal_variables(self, app: Variables, server: Variables) -> str:
        """app: the app's own; server: those of every app."""
        return self.seal(json.dumps({"app": _stored(app), "server": _stored(server)}))

    def open_variables(self, sealed: str | None) -> tuple[Variables, Variables]:
        """(the app's own, those of every app); both empty for None."""
        if sealed is None:
            return {}, {}
        stored = json.loads(self.open(sealed))
        return _loaded(stored["app"]), _loaded(stored["server"])


def vault_of(secret_key: bytes) -> Vault:
    """The vault of a server with this `secret.key`."""
    return Vault(hmac.digest(secret_key, b"vault", "sha256"))


def _stored(variables: Mapping[str, Variable]) -> dict[str, dict[str, Any]]:
    return {name: asdict(variable) for name, variable in variables.items()}


def _loaded(stored: dict[str, dict[str, Any]]) -> Variables:
    return {name: Variable(**each) for name, each in stored.items()}
