"""Every string of ours that the page shows: a field that a language lacks does not type-check.

A test compares the placeholders of the languages.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.chat_ui.attachments import AttachmentProblem
from domain.conversation import TroubleKind
from domain.words import Language, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What failed and why, and what to do next."""

    what: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The catalogue of one language. Strings are Markdown; `{names}` are filled by `str.format`."""

    spoken: Language
    language_name: str
    title: str
    sandbox_notice: str
    greeting: str
    input_placeholder: str
    language: str
    new_chat: str
    model: str
    model_help: str
    reload_models: str
    loading_models: str
    models_trouble: str
    model_missing: str
    system_prompt: str
    temperature: str
    temperature_help: str
    waiting: str
    answering: str
    reasoning: str
    stop: str
    regenerate: str
    retry: str
    stopped: str
    not_sent: str
    empty_answer: str
    length: str
    content_filter: str
    footer_time: str
    footer_tokens: str
    status: str
    retry_after: str
    upstream_words: str
    conversations: str
    search: str
    nothing_found: str
    untitled: str
    actions: str
    rename: str
    new_name: str
    delete: str
    deleted: str
    undo: str
    export: str
    export_markdown: str
    export_json: str
    import_conversation: str
    import_failed: str
    save: str
    cancel: str
    parameters: str
    max_tokens: str
    top_p: str
    reasoning_effort: str
    not_set: str
    edit: str
    resend: str
    resend_note: str
    copy: str
    copied: str
    copy_details: str
    tool_calls: str
    file_problems: Mapping[AttachmentProblem, str]
    file_hint: str
    login_until: str
    login_renewed_now: str
    login_renewed: str
    login_next_question: str
    login_needed: str
    login_key: str
    login_trouble: str
    not_saved: str
    copy_of_tab: str
    shortcuts: str
    footer_first_word: str
    footer_speed: str
    advice: Mapping[TroubleKind, Advice]

    def told(self, words: str | Text) -> str:
        """Words of ours that come from below the page."""
        return Text.of(words).told_in(self.spoken)
