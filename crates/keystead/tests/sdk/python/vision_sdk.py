"""The official Azure AI Vision client for image analysis."""

import os

from azure.ai.vision.imageanalysis import ImageAnalysisClient
from azure.ai.vision.imageanalysis.models import VisualFeatures
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError

ENDPOINT = os.environ["BASE_URL"]
TOKEN = os.environ["TOKEN"]
features = [VisualFeatures.CAPTION, VisualFeatures.READ]


def client(token):
    return ImageAnalysisClient(ENDPOINT, AzureKeyCredential(token), retry_total=0)


by_url = client(TOKEN).analyze_from_url("https://images.example/a.png", visual_features=features)
assert by_url.caption.text == "a sealed letter", by_url
by_bytes = client(TOKEN).analyze(b"\x89PNG" + bytes(300_000), visual_features=features)
assert by_bytes.metadata.width == 4, by_bytes

try:
    client("wrong").analyze_from_url("https://images.example/a.png", visual_features=features)
except HttpResponseError as error:
    assert error.status_code == 401, error
    assert error.response.headers["x-keystead-error"] == "unauthenticated", error.response.headers
    assert error.error.message, error
else:
    raise AssertionError("HttpResponseError was not raised")
