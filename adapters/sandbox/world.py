"""The names and addresses of this small world."""

HOST = "127.0.0.1"
CLIENT_ID = "oca-sandbox"
TOKEN_PATH = "/oauth2/v1/token"  # noqa: S105 - an address
CHAT_PATH = "/v1/chat/completions"
MODELS_PATH = "/v1/models"

CHAT_MODEL = "sandbox-chat"
REASONER = "sandbox-reasoner"
EMBEDDING_MODEL = "sandbox-embedding"
