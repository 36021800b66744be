"""The official DeepL SDK: it finds its paths relative to the server URL's closing slash."""

import os

import deepl

SERVER_URL = os.environ["BASE_URL"]
TOKEN = os.environ["TOKEN"]
PROMPT = os.environ["PROMPT"]

deepl.http_client.max_network_retries = 0
client = deepl.DeepLClient(TOKEN, server_url=SERVER_URL)
translated = client.translate_text([PROMPT, "two"], target_lang="DE")
assert [one.detected_source_lang for one in translated] == ["EN", "EN"], translated
assert translated[0].text == f"«{len(PROMPT)}»", translated
assert client.get_usage().character.limit == 500_000

for fails, kind in [
    (
        lambda: deepl.DeepLClient("wrong", server_url=SERVER_URL).get_usage(),
        deepl.AuthorizationException,
    ),
    (lambda: client.translate_text("over the quota", target_lang="FR"), deepl.QuotaExceededException),
]:
    try:
        fails()
    except kind:
        continue
    raise AssertionError(f"{kind.__name__} was not raised")
