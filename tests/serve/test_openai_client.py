"""OpenAI's own client for Python takes the server for OpenAI's."""

from __future__ import annotations

import pytest

from tests.serve.running_server import Client

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def test_the_client_completes_streams_and_hears_of_errors(client: Client) -> None:
    openai = pytest.importorskip("openai", reason="pip install '.[clients]'")
    with openai.OpenAI(
        base_url=f"http://127.0.0.1:{client.port}/v1", api_key="none", max_retries=0
    ) as api:
        fields = {"model": "toy", "prompt": "the n", "max_tokens": 12, "seed": 4}
        whole = api.completions.create(**fields)
        expected = client.ask("/v1/completions", **fields)
        assert whole.choices[0].text == expected["choices"][0]["text"]
        assert whole.usage.completion_tokens == expected["usage"]["completion_tokens"]
        stream = api.completions.create(**fields, stream=True)
        assert "".join(each.choices[0].text for each in stream) == whole.choices[0].text
        figures = api.completions.create(**fields, logprobs=2, echo=True).choices[0].logprobs
        assert len(figures.tokens) == len(figures.token_logprobs)
        middle = api.completions.create(model="toy", prompt="the ", suffix=" sat", max_tokens=4)
        assert isinstance(middle.choices[0].text, str)
        assert [model.id for model in api.models.list()] == ["toy", "plain", "both", "endless"]
        with pytest.raises(openai.BadRequestError, match="presence_penalty"):
            api.completions.create(model="toy", prompt="a", presence_penalty=1)
        with pytest.raises(openai.NotFoundError):
            api.completions.create(model="gpt-4", prompt="a")
    assert client.becomes_idle()
