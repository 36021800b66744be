"""Authlib, unmodified, as applications use it: authorization code with PKCE, refresh, revocation, client
credentials, token exchange. What a person does in between, the test does."""

import json
import os
import sys

from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
import requests

env = os.environ
BACK, MODELS = env["BACK"], env["MODELS"]


def say(**what):
    print(json.dumps(what), flush=True)


def planted(tokens):
    for kind in ("access_token", "refresh_token"):
        if kind in tokens:
            say(plant=[kind, tokens[kind]])
    return tokens


def fails(error, call):
    try:
        call()
    except OAuthError as thrown:
        assert thrown.error == error, thrown
    else:
        raise AssertionError(f"{error} was not raised")


metadata = requests.get(f"{env['ISSUER']}/.well-known/oauth-authorization-server").json()
token_endpoint = metadata["token_endpoint"]


def session(client_id, secret=None, method="none"):
    assert method in metadata["token_endpoint_auth_methods_supported"]
    return OAuth2Session(
        client_id,
        secret,
        scope="addon:chat",
        redirect_uri=BACK,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        code_challenge_method="S256",
    )


def authorized(client):
    """Sends a person to the question and exchanges what they come back with."""
    verifier = generate_token(48)
    say(plant=["verifier", verifier])
    address, state = client.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier
    )
    say(visit=address)
    back = sys.stdin.readline().strip()
    return planted(
        client.fetch_token(
            token_endpoint, authorization_response=back, state=state, code_verifier=verifier
        )
    ), back, verifier


public = session(env["CLIENT_ID"])
first, back, verifier = authorized(public)
assert first["token_type"] == "Bearer" and first["expires_in"] == 600, first
assert public.get(MODELS).status_code == 200
following = planted(dict(public.refresh_token(token_endpoint, first["refresh_token"])))
assert following["refresh_token"] != first["refresh_token"]
assert public.get(MODELS).status_code == 200
answer = public.revoke_token(
    metadata["revocation_endpoint"], following["refresh_token"], token_type_hint="refresh_token"
)
assert answer.status_code == 200, answer.text
fails("invalid_grant", lambda: public.refresh_token(token_endpoint, following["refresh_token"]))
fails(
    "invalid_grant",
    lambda: public.fetch_token(
        token_endpoint, authorization_response=back, code_verifier=verifier
    ),
)

exchanged = planted(
    session(env["CLIENT_ID"]).fetch_token(
        token_endpoint,
        grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token=env["SUBJECT_TOKEN"],
        subject_token_type="urn:ietf:params:oauth:token-type:id_token",
    )
)
bearer = {"authorization": f"Bearer {exchanged['access_token']}"}
assert requests.get(MODELS, headers=bearer).status_code == 200

for method in ("client_secret_basic", "client_secret_post"):
    backend = session(env["SECRET_ID"], env["SECRET"], method)
    planted(
        backend.fetch_token(token_endpoint, grant_type="client_credentials", uid="u-1")
    )
    authorized(session(env["SECRET_ID"], env["SECRET"], method))
    wrong = session(env["SECRET_ID"], "nonsense", method)
    fails(
        "invalid_client",
        lambda: wrong.fetch_token(token_endpoint, grant_type="client_credentials", uid="u-1"),
    )
say(done=True)
