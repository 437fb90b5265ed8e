"""Continues a conversation, by a language model behind an HTTP API that speaks as OpenAI's does."""

import json
import os
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 120
SHOWN_CHARACTERS = 2_000


def complete(
    messages: list[dict[str, Any]], system_prompt: str | None, temperature: float, model: str
) -> dict[str, Any]:
    before = [{"role": "system", "content": system_prompt}] if system_prompt else []
    answer = ask({"model": model, "temperature": temperature, "messages": [*before, *messages]})
    return {"choices": answer["choices"]}


def ask(question: dict[str, Any]) -> dict[str, Any]:
    """The answer of the API. Its key is no input, so that no record of an execution shows it."""
    url = urlsplit(setting("CHAT_API_URL"))
    headers = {
        "Authorization": f"Bearer {setting('CHAT_API_KEY')}",
        "Content-Type": "application/json",
    }
    if url.scheme not in ("http", "https") or not url.hostname:
        raise RuntimeError("CHAT_API_URL must be an address such as https://api.example.com/v1.")
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = kind(url.hostname, url.port, timeout=TIMEOUT_S)
    try:
        path = f"{url.path.rstrip('/')}/chat/completions"
        connection.request("POST", path, json.dumps(question), headers)
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
    finally:
        connection.close()
    if response.status != 200:
        raise RuntimeError(f"The chat API answers {response.status}: {text[:SHOWN_CHARACTERS]}")
    answer: dict[str, Any] = json.loads(text)
    return answer


def setting(name: str) -> str:
    text = os.environ.get(name)
    if not text:
        raise RuntimeError(f"Create the environment variable {name} of the platform first.")
    return text
