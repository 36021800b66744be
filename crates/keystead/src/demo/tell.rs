//! What the demo says: talk to standard error, what can be pasted to standard output.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the demo is a command that talks"
)]

use std::{
    io::{self, Write as _},
    net::SocketAddr,
};

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    client::text,
    owner::{EMAIL, Owner},
};

/// Whom it talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tell {
    /// Who reads along.
    Person,
    /// Who wants one JSON object, once it all works.
    Script,
}

/// Everything that the demo made.
pub(super) struct Made {
    pub(super) model: &'static str,
    pub(super) call_path: String,
    pub(super) token: String,
    provider: SocketAddr,
    base_url: String,
    page: String,
    console: String,
    password: Zeroizing<String>,
    key_id: String,
    last4: String,
    application_id: String,
}

/// Where everything is.
pub(super) struct Places {
    /// Keystead.
    pub(super) server: SocketAddr,
    /// The stand-in for OpenAI.
    pub(super) provider: SocketAddr,
    /// The origin of the sample host application.
    pub(super) page: String,
}

impl Made {
    pub(super) fn new(
        at: Places,
        application: &Value,
        key: &Value,
        addon: &Value,
        token: &Value,
        owner: &Owner,
    ) -> Self {
        let server = format!("http://localhost:{}", at.server.port());
        let path = format!(
            "/proxy/{}/{}/v1",
            text(application, "client_id"),
            text(addon, "handle")
        );
        Self {
            model: "gpt-6-luna",
            call_path: format!("{path}/chat/completions"),
            token: text(token, "access_token").to_owned(),
            provider: at.provider,
            base_url: format!("{server}{path}"),
            page: at.page,
            console: format!("{server}/console"),
            password: owner.password.clone(),
            key_id: text(key, "key_id").to_owned(),
            last4: text(key, "last4").to_owned(),
            application_id: text(application, "application_id").to_owned(),
        }
    }
}

impl Tell {
    /// What there is, before the first call.
    pub(super) fn what_was_made(self, made: &Made) {
        if self == Self::Script {
            return;
        }
        let Made {
            provider,
            key_id,
            last4,
            application_id,
            ..
        } = made;
        eprintln!(
            "Keystead demo: on this machine alone, in a temporary folder that goes at the end.\n\n\
             providers     stand-ins, for OpenAI at http://{provider} and for DeepL\n\
             key           {key_id} (…{last4}): sealed, checked with the provider, readable by nobody\n\
             application   {application_id} with an AddOn `chat` that may use it, and three more\n\
             token         for the user `demo-user`: all that a client ever holds\n\n\
             A call with that token, streamed through the proxy:\n"
        );
    }

    /// One word of the answer, as it comes.
    pub(super) fn word(self, word: &str) {
        if self == Self::Script {
            return;
        }
        print!("{word}");
        // A word that can't be shown is no reason to stop.
        let _shown = io::stdout().flush();
    }

    /// What can be done with it while the demo runs.
    pub(super) fn how_to_go_on(self, made: &Made) {
        if self == Self::Script {
            return print_json(made);
        }
        let Made {
            base_url,
            page,
            console,
            password,
            token,
            model,
            ..
        } = made;
        eprintln!("\nNow look at it in a browser: a sample host application with its AddOns,");
        eprintln!("and from there the console, signed in as the developer.\n");
        println!("{page}\n");
        println!(
            "# the console by itself, {console}: {EMAIL} with {}\n",
            **password
        );
        eprintln!("Or from another terminal while this one runs (the token lives an hour).\n");
        println!(
            "curl -N {base_url}/chat/completions \\\n  \
             -H 'authorization: Bearer {token}' \\\n  \
             -H 'content-type: application/json' \\\n  \
             -d '{{\"model\":\"{model}\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n"
        );
        println!(
            "# or with the official SDK, unchanged: pip install openai\n\
             from openai import OpenAI\n\
             client = OpenAI(base_url=\"{base_url}\", api_key=\"{token}\")\n\
             for chunk in client.chat.completions.create(model=\"{model}\", stream=True,\n        \
             messages=[{{\"role\": \"user\", \"content\": \"Hello\"}}]):\n    \
             print(chunk.choices[0].delta.content or \"\", end=\"\", flush=True)\n"
        );
        eprintln!("Ctrl-C ends the demo.");
    }
}

fn print_json(made: &Made) {
    let json = json!({
        "base_url": made.base_url,
        "access_token": made.token,
        "model": made.model,
        "application_id": made.application_id,
        "page": made.page,
        "console": made.console,
        "email": EMAIL,
        "password": *made.password,
        "key_id": made.key_id,
    });
    println!("{json}");
}
