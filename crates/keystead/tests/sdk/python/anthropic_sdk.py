"""The official Anthropic SDK, with its key and with its auth token."""

import os

import anthropic

BASE_URL = os.environ["BASE_URL"]
TOKEN = os.environ["TOKEN"]
TEXT = "Sealed keys stay sealed."
call = {
    "model": "claude-haiku-5-5",
    "max_tokens": 32,
    "messages": [{"role": "user", "content": os.environ["PROMPT"]}],
}


def client(**options):
    return anthropic.Anthropic(**{"base_url": BASE_URL, "max_retries": 0, "api_key": TOKEN} | options)


for one in [client(), client(api_key=None, auth_token=TOKEN)]:
    whole = one.messages.create(**call)
    assert whole.content[0].text == TEXT, whole
    assert whole.usage.output_tokens == 6, whole

with client().messages.stream(**call) as stream:
    assert "".join(stream.text_stream) == TEXT
    assert stream.get_final_message().usage.output_tokens == 6
kinds = [event.type for event in client().messages.create(**call, stream=True)]
assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds
assert client().models.list().data[0].id == "claude-haiku-5-5"

for fails, kind, code in [
    (lambda: client(api_key="wrong").models.list(), anthropic.AuthenticationError, "unauthenticated"),
    (
        lambda: client().messages.create(**call | {"model": "claude-opus-5-5"}),
        anthropic.PermissionDeniedError,
        "model_not_allowed",
    ),
    (
        lambda: client().messages.create(
            **call, tools=[{"type": "web_search_20250305", "name": "web_search"}]
        ),
        anthropic.PermissionDeniedError,
        "feature_not_allowed",
    ),
    (lambda: client().post("/v1/nothing", cast_to=object), anthropic.NotFoundError, "not_found"),
]:
    try:
        fails()
    except kind as error:
        assert type(error) is kind, type(error)
        assert error.response.headers["x-keystead-error"] == code, error
        assert error.body["error"]["message"], error.body
        # Before the provider is known, a bearer token is answered in OpenAI's form.
        assert code == "unauthenticated" or error.body["type"] == "error", error.body
    else:
        raise AssertionError(f"{kind.__name__} was not raised")
