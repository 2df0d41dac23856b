"""What both of LangChain's suites are told of the model: everything that a model of OpenAI's kind can do, it can."""

from typing import Any, Literal

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage

from adapters.langchain import OCAChatModel
from tests.adapters.langchain.standard.media_files import in_base64, wav
from tests.adapters.langchain.standard.world import REASONER, World

Detail = Literal["audio_input", "audio_output", "reasoning_output", "cache_read_input", "cache_creation_input"]
DETAILS: list[Detail] = ["audio_input", "reasoning_output", "cache_read_input"]


# `test_stream_time` measures what it plays from a cassette. The connections of our blocking transport are its own and
# unknown to VCR, so each run is a real one, and the benchmark goes unused.
@pytest.mark.filterwarnings("ignore:Benchmark fixture was not used:pytest_benchmark.logger.PytestBenchmarkWarning")
class Abilities:
    """Stands before a suite among the bases of a test class."""

    world: World

    @pytest.fixture(autouse=True)
    def _in_a_world(self, world: World) -> None:
        self.world = world

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return OCAChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return self.world.params

    @property
    def model_override_value(self) -> str | None:
        return REASONER

    @property
    def supported_usage_metadata_details(self) -> dict[Literal["invoke", "stream"], list[Detail]]:
        return {"invoke": DETAILS, "stream": DETAILS}

    has_tool_calling = True
    has_tool_choice = True
    has_structured_output = True
    supports_json_mode = True
    supports_image_inputs = True
    supports_image_urls = True
    supports_pdf_inputs = True
    supports_audio_inputs = True
    supports_anthropic_inputs = True
    supports_image_tool_message = True
    supports_pdf_tool_message = True
    supports_model_override = True
    returns_usage_metadata = True
    enable_vcr_tests = True

    def invoke_with_audio_input(self, *, stream: bool = False) -> AIMessage:
        recording = {"type": "input_audio", "input_audio": {"data": in_base64(wav()), "format": "wav"}}
        return self._answer(HumanMessage([{"type": "text", "text": "Listen!"}, recording]), stream=stream)

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self._answer(HumanMessage("Think!"), stream=stream, model=REASONER)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        long = HumanMessage("word " * 1500)
        self._answer(long, stream=stream)
        return self._answer(long, stream=stream)

    def _answer(self, message: BaseMessage, *, stream: bool, **options: Any) -> AIMessage:
        model = self.world.model()
        if not stream:
            return model.invoke([message], **options)
        first, *others = model.stream([message], **options)
        assert isinstance(first, AIMessageChunk)
        return first.__add__(others) if others else first
