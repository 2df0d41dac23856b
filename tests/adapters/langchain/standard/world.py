"""The sandbox that the suites run against, and how a model of it is made."""

import json
from dataclasses import dataclass
from typing import Any

from adapters.langchain import OCAChatModel, OCAOauth2TokenManager
from adapters.sandbox.server import Sandbox

MODEL = "sandbox-chat"
REASONER = "sandbox-reasoner"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A running sandbox, and the one token manager of all models: what it shares outlives every event loop."""

    sandbox: Sandbox
    token_manager: OCAOauth2TokenManager

    @property
    def params(self) -> dict[str, Any]:
        """Where the model is comes from the token manager's `.env`."""
        return {"token_manager": self.token_manager, "model": MODEL}

    def model(self, **params: Any) -> OCAChatModel:
        return OCAChatModel(**self.params | params)

    def last_body(self) -> dict[str, Any]:
        """The latest request that has reached the sandbox, as it stood on the wire."""
        body: dict[str, Any] = json.loads(self.sandbox.controls.received[-1].body)
        return body
