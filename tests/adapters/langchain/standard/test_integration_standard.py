"""LangChain's integration tests, over real sockets: with one event loop for all of them, and with one for each.

A client that is bound to the loop which first used it passes the former alone.
"""

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests

from tests.adapters.langchain.standard.suite import Abilities


@pytest.mark.asyncio(loop_scope="session")
# The mark is meant for the coroutines among them.
@pytest.mark.filterwarnings("ignore:The test .* is marked with '@pytest.mark.asyncio' but:pytest.PytestWarning")
class TestWithOneLoopForTheSession(Abilities, ChatModelIntegrationTests):
    pass


class TestWithOneLoopPerTest(Abilities, ChatModelIntegrationTests):
    pass
