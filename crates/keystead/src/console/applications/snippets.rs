//! The first call as code to paste, with this host, application and AddOn filled in.
//!
//! No text here holds a secret: programs read the client secret from `KEYSTEAD_CLIENT_SECRET`, and
//! pages get an access token from the application's own backend.

/// What the snippets are about.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    /// Where this server is reached, without a closing slash.
    pub(super) host: &'a str,
    pub(super) client_id: &'a str,
    pub(super) handle: &'a str,
    /// As the provider's SDK wants it.
    pub(super) base_url: &'a str,
    pub(super) provider: &'a str,
    pub(super) kind: &'a str,
    /// The line that loads the front end.
    pub(super) script: &'a str,
    /// The first model that the AddOn allows, if it names any.
    pub(super) model: Option<&'a str>,
}

/// One piece of code.
#[derive(Debug)]
pub(super) struct Snippet {
    /// The id of its element.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) code: String,
}

/// How a provider is called by hand.
struct Call {
    path: &'static str,
    /// Header by header, `$TOKEN` for the token.
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    /// A model that the provider has, where a call names one.
    model: &'static str,
    /// Where in an event of its stream the text is; empty where it does not stream.
    delta: &'static str,
}

const OPENAI_CHAT: Call = Call {
    path: "/v1/chat/completions",
    headers: &[("authorization", "Bearer $TOKEN"), JSON],
    body: r#"{"model": "MODEL", "stream": true, "messages": [{"role": "user", "content": "Say hello."}]}"#,
    model: "gpt-6-luna",
    delta: "event.choices[0]?.delta?.content",
};
const OPENAI_IMAGE: Call = Call {
    path: "/v1/images/generations",
    headers: &[("authorization", "Bearer $TOKEN"), JSON],
    body: r#"{"model": "MODEL", "prompt": "A letterbox by the sea", "size": "1024x1024"}"#,
    model: "gpt-image-1",
    delta: "",
};
const AZURE_OPENAI: Call = Call {
    path: "/openai/deployments/MODEL/chat/completions?api-version=2024-10-21",
    headers: &[("api-key", "$TOKEN"), JSON],
    body: r#"{"stream": true, "messages": [{"role": "user", "content": "Say hello."}]}"#,
    model: "my-deployment",
    delta: "event.choices[0]?.delta?.content",
};
const AZURE_VISION: Call = Call {
    path: "/computervision/imageanalysis:analyze?api-version=2024-02-01&features=caption",
    headers: &[("ocp-apim-subscription-key", "$TOKEN"), JSON],
    body: r#"{"url": "https://learn.microsoft.com/azure/ai-services/computer-vision/media/quickstarts/presentation.png"}"#,
    model: "",
    delta: "",
};
const ANTHROPIC: Call = Call {
    path: "/v1/messages",
    headers: &[
        ("x-api-key", "$TOKEN"),
        ("anthropic-version", "2023-06-01"),
        JSON,
    ],
    body: r#"{"model": "MODEL", "max_tokens": 256, "stream": true, "messages": [{"role": "user", "content": "Say hello."}]}"#,
    model: "claude-haiku-5-5",
    delta: "event.delta?.text",
};
const DEEPL: Call = Call {
    path: "/v2/translate",
    headers: &[("authorization", "DeepL-Auth-Key $TOKEN"), JSON],
    body: r#"{"text": ["Good morning."], "target_lang": "DE"}"#,
    model: "",
    delta: "",
};
/// Sent as a form of several parts: `curl -F` alone.
const STABILITY: Call = Call {
    path: "/v2beta/stable-image/generate/core",
    headers: &[("authorization", "Bearer $TOKEN"), ("accept", "image/*")],
    body: "",
    model: "",
    delta: "",
};

const JSON: (&str, &str) = ("content-type", "application/json");

/// The request that a backend makes for each of its users.
pub(super) fn token(facts: &Facts<'_>) -> Snippet {
    fill("token", "The request for a token, cURL", TOKEN, facts, "")
}

/// The AddOn in a page of the application's own.
pub(super) fn element(facts: &Facts<'_>) -> Snippet {
    let code = ELEMENT.replace("SCRIPT", facts.script);
    fill("element", "HTML, into your page", &code, facts, "")
}

/// The first call, in every language that there is a snippet for.
pub(super) fn calls(facts: &Facts<'_>) -> Vec<Snippet> {
    let call = match (facts.provider, facts.kind) {
        ("openai", "image") => OPENAI_IMAGE,
        ("azure-openai", _) => AZURE_OPENAI,
        ("azure-vision", _) => AZURE_VISION,
        ("anthropic", _) => ANTHROPIC,
        ("deepl", _) => DEEPL,
        ("stability", _) => STABILITY,
        _ => OPENAI_CHAT,
    };
    let model = facts.model.unwrap_or(call.model);
    let mut all = vec![fill("curl", "cURL", &curl(&call), facts, model)];
    let sdk = match (facts.provider, facts.kind) {
        ("openai", kind) if kind != "image" => Some((OPENAI_PYTHON, Some(OPENAI_NODE))),
        ("azure-openai", _) => Some((AZURE_OPENAI_PYTHON, None)),
        ("anthropic", _) => Some((ANTHROPIC_PYTHON, Some(ANTHROPIC_NODE))),
        ("deepl", _) => Some((DEEPL_PYTHON, None)),
        _ => None,
    };
    if let Some((python, node)) = sdk {
        all.push(fill("python", "Python, official SDK", python, facts, model));
        all.extend(node.map(|node| fill("node", "Node.js, official SDK", node, facts, model)));
    }
    if !call.body.is_empty() {
        let module = browser(&call);
        let page = HTML.replace("SCRIPT", module.trim_end());
        all.push(fill(
            "browser",
            "Browser, a module of your page",
            &module,
            facts,
            model,
        ));
        all.push(fill(
            "html",
            "Plain HTML, a whole page",
            &page,
            facts,
            model,
        ));
    }
    all
}

fn curl(call: &Call) -> String {
    let mut text = "curl -N \"HOST/proxy/CLIENT_ID/HANDLE".to_owned() + call.path + "\"";
    for (name, value) in call.headers {
        text.push_str(&format!(" \\\n  -H \"{name}: {value}\""));
    }
    match call.body {
        "" => {
            text + " \\\n  -F prompt=\"A letterbox by the sea\" -F output_format=webp -o image.webp"
        }
        body => text + " \\\n  -d '" + body + "'",
    }
}

fn browser(call: &Call) -> String {
    let mut headers = String::new();
    for (name, value) in call.headers {
        let value = value.replace("$TOKEN", "${token}");
        headers.push_str(&format!("    \"{name}\": `{value}`,\n"));
    }
    let read = match call.delta {
        "" => READ_WHOLE.to_owned(),
        delta => READ_STREAM.replace("DELTA", delta),
    };
    let fetch = FETCH.replace("HEADERS", headers.trim_end());
    let fetch = fetch.replace("PATH", call.path).replace("BODY", call.body);
    fetch + &read
}

fn fill(
    id: &'static str,
    title: &'static str,
    text: &str,
    facts: &Facts<'_>,
    model: &str,
) -> Snippet {
    let code = text
        .replace("BASE_URL", facts.base_url)
        .replace("CLIENT_ID", facts.client_id)
        .replace("HANDLE", facts.handle)
        .replace("HOST", facts.host)
        .replace("MODEL", model);
    Snippet { id, title, code }
}

const TOKEN: &str = r#"curl HOST/oauth/token \
  -u "CLIENT_ID:$KEYSTEAD_CLIENT_SECRET" \
  -d grant_type=client_credentials \
  -d scope=addon:HANDLE \
  -d uid=user-4711"#;

const ELEMENT: &str = r##"SCRIPT

<keystead-addon id="HANDLE" client-id="CLIENT_ID" handle="HANDLE" base-url="HOST"></keystead-addon>

<script type="module">
  // Your backend makes the request of step 1 for the user who is signed in, and answers with what it got.
  document.querySelector("#HANDLE").getToken = async () =>
    (await fetch("/your-backend/keystead-token", { method: "POST" })).json();
</script>"##;

const OPENAI_PYTHON: &str = r#"import os
from openai import OpenAI

client = OpenAI(
    base_url="BASE_URL",
    api_key=os.environ["TOKEN"],
)
stream = client.chat.completions.create(
    model="MODEL",
    messages=[{"role": "user", "content": "Say hello."}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)"#;

const OPENAI_NODE: &str = r#"import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "BASE_URL",
  apiKey: process.env.TOKEN,
});
const stream = await client.chat.completions.create({
  model: "MODEL",
  messages: [{ role: "user", content: "Say hello." }],
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}"#;

const AZURE_OPENAI_PYTHON: &str = r#"import os
from openai import AzureOpenAI

client = AzureOpenAI(
    azure_endpoint="BASE_URL",
    api_key=os.environ["TOKEN"],
    api_version="2024-10-21",
)
answer = client.chat.completions.create(
    model="MODEL",
    messages=[{"role": "user", "content": "Say hello."}],
)
print(answer.choices[0].message.content)"#;

const ANTHROPIC_PYTHON: &str = r#"import os
from anthropic import Anthropic

client = Anthropic(
    base_url="BASE_URL",
    api_key=os.environ["TOKEN"],
)
with client.messages.stream(
    model="MODEL",
    max_tokens=256,
    messages=[{"role": "user", "content": "Say hello."}],
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)"#;

const ANTHROPIC_NODE: &str = r#"import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({
  baseURL: "BASE_URL",
  apiKey: process.env.TOKEN,
});
const stream = client.messages.stream({
  model: "MODEL",
  max_tokens: 256,
  messages: [{ role: "user", content: "Say hello." }],
});
stream.on("text", (text) => process.stdout.write(text));
await stream.finalMessage();"#;

const DEEPL_PYTHON: &str = r#"import os
import deepl

client = deepl.DeepLClient(
    os.environ["TOKEN"],
    server_url="BASE_URL",
)
print(client.translate_text("Good morning.", target_lang="DE").text)"#;

const FETCH: &str = r#"// Your backend makes the request of step 1 for the user who is signed in, and answers with the token.
const token = await (await fetch("/your-backend/keystead-token", { method: "POST" })).text();

const answer = await fetch("HOST/proxy/CLIENT_ID/HANDLEPATH", {
  method: "POST",
  headers: {
HEADERS
  },
  body: JSON.stringify(BODY),
});
if (!answer.ok) throw new Error(`${answer.status} ${answer.headers.get("x-keystead-error")}`);
"#;

const READ_STREAM: &str = r##"const out = document.querySelector("#answer");
let rest = "";
for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop();
  for (const line of lines.filter((line) => line.startsWith("data: {"))) {
    const event = JSON.parse(line.slice(6));
    out.textContent += DELTA ?? "";
  }
}
"##;

const READ_WHOLE: &str = r##"const out = document.querySelector("#answer");
out.textContent = await answer.text();
"##;

const HTML: &str = r#"<!doctype html>
<meta charset="utf-8">
<title>First call</title>
<pre id="answer"></pre>
<script type="module">
SCRIPT
</script>"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(provider: &'static str, kind: &'static str) -> Facts<'static> {
        Facts {
            host: "https://keys.example",
            script: "<script></script>",
            client_id: "cl_1",
            handle: "chat",
            base_url: "https://keys.example/proxy/cl_1/chat/v1",
            provider,
            kind,
            model: None,
        }
    }

    #[test]
    fn every_provider_has_a_call_with_nothing_left_to_fill_in() {
        for provider in keystead_providers::ALL {
            for kind in ["any", "image", "text"] {
                let facts = facts(provider.about().name, kind);
                let mut all = calls(&facts);
                all.push(token(&facts));
                assert_eq!(all[0].id, "curl");
                for Snippet { id, code, .. } in &all {
                    for left in [
                        "BASE_URL",
                        "CLIENT_ID",
                        "HANDLE",
                        "HOST",
                        "MODEL",
                        "BODY",
                        "PATH",
                        "DELTA",
                    ] {
                        let code = code.replace("KEYSTEAD_CLIENT_SECRET", "");
                        assert!(
                            !code.contains(left),
                            "{} {id}: {left}\n{code}",
                            facts.provider
                        );
                    }
                    assert!(!code.contains("ksc1_") && !code.contains("kst1_"));
                    assert!(code.contains("https://keys.example"), "{id}");
                }
            }
        }
    }

    #[test]
    fn an_addons_own_model_is_the_one_that_is_called() {
        let facts = Facts {
            model: Some("gpt-6-sol"),
            ..facts("openai", "text")
        };
        for snippet in calls(&facts) {
            assert!(snippet.code.contains("gpt-6-sol"), "{}", snippet.id);
        }
    }
}
