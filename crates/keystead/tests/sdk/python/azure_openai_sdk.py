"""The official Azure OpenAI client: the deployment in the path, the token in `api-key`."""

import os

import openai

ENDPOINT = os.environ["BASE_URL"]
TOKEN = os.environ["TOKEN"]
TEXT = "Sealed keys stay sealed."
messages = [{"role": "user", "content": os.environ["PROMPT"]}]


def client(token=TOKEN):
    return openai.AzureOpenAI(
        azure_endpoint=ENDPOINT, api_key=token, api_version="2024-10-21", max_retries=0
    )


whole = client().chat.completions.create(model="luna", messages=messages)
assert whole.choices[0].message.content == TEXT, whole
stream = client().chat.completions.create(model="luna", messages=messages, stream=True)
text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
assert text == TEXT, text

# The newer style: the plain client on Azure's v1 paths, which sends a bearer token.
plain = openai.OpenAI(base_url=f"{ENDPOINT}/openai/v1/", api_key=TOKEN, max_retries=0)
whole = plain.chat.completions.create(model="luna", messages=messages)
assert whole.choices[0].message.content == TEXT, whole

for call, kind, code in [
    (lambda: client("wrong").models.list(), openai.AuthenticationError, "unauthenticated"),
    (
        lambda: client().chat.completions.create(model="sol", messages=messages),
        openai.PermissionDeniedError,
        "model_not_allowed",
    ),
]:
    try:
        call()
    except kind as error:
        assert error.response.headers["x-keystead-error"] == code, error
    else:
        raise AssertionError(f"{kind.__name__} was not raised")
