"""The official OpenAI SDK against an AddOn, unmodified: only its base URL and its key differ."""

import asyncio
import io
import os
import time

import openai

BASE_URL = os.environ["BASE_URL"]
TOKEN = os.environ["TOKEN"]
PROMPT = os.environ["PROMPT"]
TEXT = "Sealed keys stay sealed."


def client(**options):
    options = {"base_url": BASE_URL, "api_key": TOKEN, "max_retries": 0} | options
    return openai.OpenAI(**options)


def messages():
    return [{"role": "user", "content": PROMPT}]


def fails_with(kind, call, code):
    try:
        call()
    except kind as error:
        assert type(error) is kind, type(error)
        assert error.response.headers.get("x-keystead-error") == code, error.response.headers
        assert error.code == code, error.body
        return
    raise AssertionError(f"{kind.__name__} was not raised")


whole = client().chat.completions.create(model="gpt-6-luna", messages=messages())
assert whole.choices[0].message.content == TEXT, whole
assert whole.usage.total_tokens == 13, whole

stream = client().chat.completions.create(model="gpt-6-luna", messages=messages(), stream=True)
chunks = list(stream)
assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT, chunks
assert all(chunk.usage is None for chunk in chunks), chunks

stream = client().chat.completions.create(
    model="gpt-6-luna", messages=messages(), stream=True, stream_options={"include_usage": True}
)
assert list(stream)[-1].usage.total_tokens == 13

answer = client().responses.create(model="gpt-6-luna", input=PROMPT)
assert answer.output_text == TEXT, answer
with client().responses.stream(model="gpt-6-luna", input=PROMPT) as events:
    kinds = [event.type for event in events]
assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds

assert client().models.list().data[0].id == "gpt-6-luna"
assert client().embeddings.create(
    model="m", input=PROMPT, encoding_format="float"
).data[0].embedding == [0.5, -0.25]
heard = client().audio.transcriptions.create(
    model="whisper-1", file=("a.wav", io.BytesIO(b"RIFF" + bytes(200_000)))
)
assert heard.text == "hello", heard


async def side_by_side():
    async with openai.AsyncOpenAI(base_url=BASE_URL, api_key=TOKEN) as many:

        async def one():
            stream = await many.chat.completions.create(
                model="gpt-6-luna", messages=messages(), stream=True
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

        assert await asyncio.gather(*(one() for _ in range(10))) == [TEXT] * 10


asyncio.run(side_by_side())

create = client().chat.completions.create
fails_with(
    openai.AuthenticationError,
    lambda: client(api_key="kst1_wrong").models.list(),
    "unauthenticated",
)
fails_with(
    openai.PermissionDeniedError,
    lambda: create(model="gpt-6-astra", messages=messages()),
    "model_not_allowed",
)
fails_with(
    openai.PermissionDeniedError,
    lambda: client().responses.create(model="gpt-6-luna", input=PROMPT, background=True),
    "feature_not_allowed",
)
fails_with(
    openai.NotFoundError,
    lambda: client().responses.retrieve("resp_0123456789abcdef"),
    "object_unknown",
)
fails_with(
    openai.BadRequestError,
    lambda: client(default_query={"api_key": "x"}).models.list(),
    "credential_in_query",
)

# A budget that is used up: the sentence stands in the exception, and the SDK does not try again.
spent = client(base_url=os.environ["SPENT_URL"], max_retries=5).chat.completions
began = time.monotonic()
try:
    spent.create(model="gpt-6-luna", messages=messages())
    raise AssertionError("it passed")
except openai.RateLimitError as error:
    assert error.code == "budget_exhausted" and "1 tokens/day" in error.message, error.message
assert time.monotonic() - began < 2
