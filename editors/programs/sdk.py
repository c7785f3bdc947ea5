"""Ask through one of the Python clients; what to ask comes as JSON on standard input, what is shown goes out."""

from __future__ import annotations

import json
import sys
from typing import Any


def openai(asked: dict[str, Any]) -> str:
    from openai import OpenAI

    client = OpenAI(base_url=asked["url"] + "/v1", api_key="none")
    assert asked["model"] in [each.id for each in client.models.list()]
    hole = {"model": asked["model"], "prompt": asked["prefix"], "suffix": asked["suffix"]}
    hole |= {"max_tokens": asked["max_tokens"], "temperature": 0}
    whole = client.completions.create(**hole).choices[0].text
    pieces = client.completions.create(**hole, stream=True)
    assert "".join(each.choices[0].text for each in pieces if each.choices) == whole
    said = [{"role": "user", "content": "Say hello."}]
    chat = client.chat.completions.create(
        model=asked["model"], messages=said, max_tokens=8, stream=True, stream_options={"include_usage": True}
    )
    assert [each.usage for each in chat][-1].completion_tokens > 0
    return whole


def ollama(asked: dict[str, Any]) -> str:
    from ollama import Client

    client = Client(host=asked["url"])
    assert any(each.model == f"{asked['model']}:latest" for each in client.list().models)
    assert "insert" in client.show(asked["model"]).capabilities
    options = {"num_predict": asked["max_tokens"], "temperature": 0}
    hole = {"model": asked["model"], "prompt": asked["prefix"], "suffix": asked["suffix"], "options": options}
    whole = client.generate(**hole).response
    assert "".join(each.response for each in client.generate(**hole, stream=True)) == whole
    said = [{"role": "user", "content": "Say hello."}]
    list(client.chat(model=asked["model"], messages=said, stream=True, options={"num_predict": 8}))
    return whole


def mistral(asked: dict[str, Any]) -> str:
    try:
        from mistralai import Mistral
    except ImportError:
        from mistralai.client import Mistral

    client = Mistral(api_key="none", server_url=asked["url"])
    hole = {"model": asked["model"], "prompt": asked["prefix"], "suffix": asked["suffix"]}
    hole |= {"max_tokens": asked["max_tokens"], "temperature": 0}
    whole = client.fim.complete(**hole).choices[0].message.content
    assert "".join(each.data.choices[0].delta.content for each in client.fim.stream(**hole)) == whole
    return whole


if __name__ == "__main__":
    given = json.load(sys.stdin)
    sys.stdout.write({"openai": openai, "ollama": ollama, "mistral": mistral}[sys.argv[1]](given))
