"""A host application's backend: one page, and tokens for whoever is signed in to it. Python 3.9, no packages."""
import base64, json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

KEYSTEAD, CLIENT_ID = os.environ["KEYSTEAD_URL"], os.environ["KEYSTEAD_CLIENT_ID"]
BASIC = base64.b64encode(f"{CLIENT_ID}:{os.environ['KEYSTEAD_CLIENT_SECRET']}".encode()).decode()
HERE, FILL = Path(__file__).parent, {"keystead": KEYSTEAD, "client_id": CLIENT_ID, "handle": os.environ["KEYSTEAD_HANDLE"]}
CSP = f"default-src 'self'; script-src 'self' {KEYSTEAD}; connect-src 'self' {KEYSTEAD}; img-src 'self' blob: data:"


def token(uid):
    """An access token for one user of this application, as JSON; the client secret never leaves this process."""
    form = urlencode({"grant_type": "client_credentials", "uid": uid, "scope": f"addon:{FILL['handle']}"})
    return urlopen(Request(f"{KEYSTEAD}/oauth/token", form.encode(), {"Authorization": f"Basic {BASIC}"})).read()


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        page, kind = ("page.js", "text/javascript") if self.path == "/page.js" else ("index.html", "text/html")
        text = (HERE / page).read_text()
        for name, value in {**FILL, **json.load(urlopen(f"{KEYSTEAD}/widget/v1.json"))}.items():
            text = text.replace("{" + name + "}", value)
        self.answer(200, kind, text.encode())

    def do_POST(self):
        # Who asks is for your own session to say; here everybody is the same user.
        if self.path != "/token" or self.headers.get("sec-fetch-site") != "same-origin":
            return self.answer(403, "text/plain", b"")
        self.answer(200, "application/json", token("user-4711"))

    def answer(self, status, kind, body):
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Security-Policy", CSP), ("Cache-Control", "no-store")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("localhost", int(os.environ.get("PORT", "3000"))), Page).serve_forever()
