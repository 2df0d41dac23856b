"""The names and addresses of this small world."""

from enum import Enum

HOST = "127.0.0.1"
CLIENT_ID = "oca-sandbox"
CONFIDENTIAL_CLIENT_ID = "oca-sandbox-confidential"
# With what careless encoding breaks: RFC 6749 section 2.3.1 has it form-encoded even in a Basic header.
CONFIDENTIAL_CLIENT_SECRET = "sandbox: +/=&% secret"  # noqa: S105 - of a world on loopback
USER_NAME = "ada@sandbox.example"
TOKEN_PATH = "/oauth2/v1/token"  # noqa: S105 - an address
CHAT_PATH = "/v1/chat/completions"
MODELS_PATH = "/v1/models"

CHAT_MODEL = "sandbox-chat"
REASONER = "sandbox-reasoner"
EMBEDDING_MODEL = "sandbox-embedding"


class Endpoint(Enum):
    """What the authorization server serves; the value is where it stands unless the controls move it."""

    AUTHORIZE = "/oauth2/v1/authorize"
    TOKEN = TOKEN_PATH
    DEVICE = "/oauth2/v1/device"
    VERIFICATION = "/device"
    REVOCATION = "/oauth2/v1/revoke"
    KEYS = "/oauth2/v1/keys"
    OPENID_CONFIGURATION = "/.well-known/openid-configuration"
    SERVER_METADATA = "/.well-known/oauth-authorization-server"
