"""The page in English."""

from types import MappingProxyType

from adapters.chat_ui.attachments import AttachmentProblem
from adapters.chat_ui.catalogue import Advice, Texts
from domain.conversation import TroubleKind
from domain.words import Language

ENGLISH = Texts(
    spoken=Language.ENGLISH,
    language_name="English",
    title="OCA Gateway chat",
    sandbox_notice=(
        "**The built-in sandbox answers here**, not a real model: nothing is configured yet. To use your own account, "
        "copy `.env.example` to `.env`, fill in the values, and start the page again."
    ),
    greeting="Ask something to begin.",
    input_placeholder="Your message",
    language="Language",
    new_chat="New chat",
    model="Model",
    model_help="Choose from the list, or type any name.",
    reload_models="Reload the list",
    loading_models="Loading the models…",
    models_trouble="The list of models could not be had, so only the default model is listed. Any name may be typed.",
    model_missing="The default model {model} is not in the list of the model server. It can be used all the same.",
    system_prompt="System prompt",
    temperature="Temperature",
    temperature_help="Low answers are steady, high ones varied.",
    waiting="Waiting for the answer… {seconds} s",
    answering="Answering… {seconds} s",
    reasoning="Reasoning",
    stop="Stop",
    regenerate="Regenerate",
    retry="Retry",
    stopped="Stopped. The answer is incomplete.",
    not_sent="This message has not been sent.",
    empty_answer="The model gave an empty answer.",
    length="The answer was cut at the token limit.",
    content_filter="The answer was cut by a content filter.",
    footer_time="{seconds} s",
    footer_tokens="tokens: {input} in, {output} out",
    status="status {status}",
    retry_after="It may work again in {seconds} s.",
    upstream_words="Details:",
    conversations="Conversations",
    search="Search",
    nothing_found="No conversation holds these words.",
    untitled="New chat",
    actions="What can be done with this conversation",
    rename="Rename",
    new_name="Name of the conversation",
    delete="Delete",
    deleted="“{title}” was deleted.",
    undo="Undo",
    export="Export",
    export_markdown="Export as Markdown",
    export_json="Export as JSON",
    import_conversation="Import a JSON export",
    import_failed="{name} could not be imported.",
    save="Save",
    cancel="Cancel",
    parameters="Parameters",
    max_tokens="Most tokens of an answer",
    top_p="Top-p",
    reasoning_effort="Reasoning effort",
    not_set="not set",
    edit="Edit",
    resend="Send again",
    resend_note="All that followed this message is replaced.",
    copy="Copy",
    copied="Copied",
    copy_details="Copy details",
    tool_calls="Tool calls",
    file_problems=MappingProxyType(
        {
            AttachmentProblem.TOO_LARGE: "{name} is too large: at most {limit} can be sent.",
            AttachmentProblem.UNKNOWN_TYPE: (
                "{name} is of a kind that cannot be sent. Images (PNG, JPEG, GIF, WebP), PDF, text files and "
                "recordings (WAV, MP3) can."
            ),
            AttachmentProblem.EMPTY: "{name} is empty.",
            AttachmentProblem.UNREADABLE: "{name} cannot be read as text.",
            AttachmentProblem.TOO_MANY: "Too many files: at most {limit} go with one message.",
        }
    ),
    file_hint="Nothing was sent. Your message is kept here: copy it, and send it without the file or with another one.",
    login_until="Signed in until {time}",
    login_renewed_now="renewed just now",
    login_renewed="renewed {minutes} min ago",
    login_next_question="The login is renewed with the next question",
    login_needed="Sign-in needed",
    login_key="Signed in with a key",
    login_trouble="The login cannot be looked at",
    not_saved="This conversation could not be saved. It lives on in this tab.",
    copy_of_tab="This conversation was changed elsewhere meanwhile. What you see lives on as one of its own.",
    shortcuts="Keys: Alt+N new chat, Alt+G regenerate, Alt+Shift+C copy the last answer.",
    footer_first_word="first word after {seconds} s",
    footer_speed="{rate} tokens/s",
    advice=MappingProxyType(
        {
            TroubleKind.LOGIN_REQUIRED: Advice(
                what="The login is missing or no longer accepted.",
                next_step="Log in again with `oca login` (or put a new refresh token into `.env` as "
                "`OAUTH_REFRESH_TOKEN`), then retry.",
            ),
            TroubleKind.LOGIN_MISCONFIGURED: Advice(
                what="The authorization server refused this client.",
                next_step="Check `OAUTH_CLIENT_ID` and `OAUTH_HOST` in `.env`, then start again.",
            ),
            TroubleKind.LOGIN_UNAVAILABLE: Advice(
                what="The login could not be renewed just now.",
                next_step="Check the network and retry in a moment; nothing is lost.",
            ),
            TroubleKind.LOGIN_STORE: Advice(
                what="The file that holds the login cannot be read or written.",
                next_step="Check the rights and the free space of the folder of `.env`, then retry.",
            ),
            TroubleKind.BAD_REQUEST: Advice(
                what="The model server refused the request.",
                next_step="Check the model's name and the settings on the left, or start a new chat.",
            ),
            TroubleKind.NOT_ALLOWED: Advice(
                what="The model server does not allow this with your account.",
                next_step="Choose another model, or ask the operator of the model server for access.",
            ),
            TroubleKind.NOT_FOUND: Advice(
                what="There is nothing at this address of the model server.",
                next_step="Check `LLM_API_URL` in `.env`, the host and the whole path.",
            ),
            TroubleKind.TOO_LARGE: Advice(
                what="The conversation is too large for the model server.",
                next_step="Start a new chat, or send a shorter message.",
            ),
            TroubleKind.TOO_MANY_REQUESTS: Advice(
                what="The model server has had too many requests.",
                next_step="Wait a little, then retry.",
            ),
            TroubleKind.UPSTREAM_FAILING: Advice(
                what="The model server failed.",
                next_step="Retry in a moment; if it stays, choose another model or tell its operator.",
            ),
            TroubleKind.UNREACHABLE: Advice(
                what="The model server could not be reached.",
                next_step="Check the network, `LLM_API_URL` and `HTTP_PROXY_URL` in `.env`, then retry.",
            ),
            TroubleKind.HOST_UNKNOWN: Advice(
                what="The name of a server cannot be resolved (DNS).",
                next_step="Check the host in `LLM_API_URL` and `OAUTH_HOST` in `.env`, the DNS of the machine that "
                "serves this page, and its VPN; then retry.",
            ),
            TroubleKind.PROXY_DOWN: Advice(
                what="The proxy does not answer.",
                next_step="Check host and port of `HTTP_PROXY_URL` in `.env`, or remove it, then start again.",
            ),
            TroubleKind.PROXY_LOGIN: Advice(
                what="The proxy wants a login, or another one (407).",
                next_step="Put user and password into `HTTP_PROXY_URL` in `.env`, as in "
                "`http://user:password@proxy.example.com:3128`, then start again.",
            ),
            TroubleKind.PROXY_REFUSED: Advice(
                what="The proxy does not let this server through.",
                next_step="Check `HTTP_PROXY_URL` in `.env`, or ask who runs the proxy.",
            ),
            TroubleKind.CERTIFICATE_UNTRUSTED: Advice(
                what="The certificate of a server is signed by an authority that is not trusted here.",
                next_step="Put your company's CA file (PEM) into `EXTRA_CA_CERTS` in `.env`, then start again.",
            ),
            TroubleKind.CERTIFICATE_EXPIRED: Advice(
                what="The certificate of a server has expired.",
                next_step="Check the clock of the machine that serves this page; if it is right, the server's operator "
                "must renew the certificate.",
            ),
            TroubleKind.CERTIFICATE_OF_ANOTHER: Advice(
                what="The certificate of a server belongs to another host.",
                next_step="Check the host in `LLM_API_URL` and `OAUTH_HOST` in `.env`.",
            ),
            TroubleKind.CLOCK_WRONG: Advice(
                what="A certificate is not valid yet: the clock of the machine that serves this page may be wrong.",
                next_step="Set the clock, best by switching on time synchronization, then retry.",
            ),
            TroubleKind.NO_CONNECTION_IN_TIME: Advice(
                what="No connection could be made in time.",
                next_step="Check the network and `LLM_API_URL`, then retry; a slow network needs a longer "
                "`CONNECTION_TIMEOUT` in `.env`.",
            ),
            TroubleKind.MODEL_UNKNOWN: Advice(
                what="The model server does not know this model.",
                next_step="Choose another model on the left; the details name those that come near.",
            ),
            TroubleKind.TIMEOUT: Advice(
                what="The model server took too long.",
                next_step="Retry; a longer `LLM_REQUEST_TIMEOUT` in `.env` waits longer.",
            ),
            TroubleKind.NOT_UNDERSTOOD: Advice(
                what="The model server's answer cannot be understood.",
                next_step="Check that `LLM_API_URL` in `.env` is the full address of an OpenAI-style chat API, and "
                "that the network does not want you to log in first.",
            ),
            TroubleKind.TOKEN_REJECTED: Advice(
                what="The model server refused a login that had just been renewed.",
                next_step="Check in `.env` that `OAUTH_CLIENT_ID` and `LLM_API_URL` belong together.",
            ),
            TroubleKind.INTERRUPTED: Advice(
                what="The answer broke off before its end.",
                next_step="Retry to get a whole answer.",
            ),
            TroubleKind.UNEXPECTED: Advice(
                what="Something failed that should not fail.",
                next_step="Retry; if it stays, report it together with the log, which tells more.",
            ),
        }
    ),
)
