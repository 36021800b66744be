//! `/console/addons/{id}/try`: a call from the page, as an end user's would be.
//!
//! The page asks for a token by a form of its own, which is an act on the audit record, and calls the
//! provider's path through the proxy with it. The token is not on the page.

use askama::Template;
use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse as _,
};
use http::{HeaderValue, header};
use keystead_providers::{About, Trial};
use serde_json::json;

use super::{KindWords, open};
use crate::{
    console::{
        Answer, Console, Frame, Person, Place, Posted, Refused, assets, providers::title,
        refused::shown,
    },
    ids::AddOnId,
    manage::{Object as _, addons::AddOnView, permission::right::TryAddOns, trial},
};

#[derive(Template)]
#[template(path = "console/addons/try.html")]
struct Page {
    frame: Frame,
    id: String,
    handle: String,
    application_id: String,
    provider: String,
    script: &'static str,
    /// Where the console is, as the proxy knows it.
    origin: String,
    call: Option<Call>,
}

/// What is asked of the person, and what is sent.
struct Call {
    /// For the page's script.
    trial: String,
    curl: String,
    models: Vec<String>,
    model: Option<String>,
    prompt: Option<&'static str>,
    language: Option<&'static str>,
    picture: bool,
}

pub(super) async fn show(
    State(console): State<Console>,
    Path(id): Path<String>,
    person: Person,
) -> Answer {
    person.may::<TryAddOns>(&console).await?;
    let addon = open(&console, &person, &id).await?;
    let provider = addon.provider.as_deref().unwrap_or_default();
    let about = keystead_providers::by_name(provider).map(|provider| provider.about());
    let kind = KindWords::named(addon.kind);
    let found = about.zip(kind);
    let found = found.and_then(|(about, kind)| Some((about, about.trial(kind.kind())?)));
    let call = match found {
        Some((about, trial)) => Some(call(&addon, about, trial)?),
        None => None,
    };
    let mut page = shown(&Page {
        frame: Frame::new(&person, Place::AddOns, format!("Try {}", addon.handle)),
        id: addon.addon_id.to_string(),
        handle: addon.handle.to_string(),
        application_id: addon.application_id.to_string(),
        provider: title(provider).to_owned(),
        script: &assets::TRY,
        origin: console.place().to_string(),
        call,
    });
    let policy = console.0.trial_policy.clone();
    page.headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(page)
}

/// A token for the person who asks, which opens this AddOn alone.
pub(super) async fn mint(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let may = posted.person.may::<TryAddOns>(&console).await?;
    let id = AddOnId::named(&id)?;
    let minted = trial::mint(console.manage(), &may, id).await?;
    Ok(Json(minted).into_response())
}

fn call(addon: &AddOnView, about: &'static About, trial: &'static Trial) -> Result<Call, Refused> {
    let base_url = addon.base_url.as_deref().unwrap_or_default();
    let base = base_url
        .strip_suffix(about.sdk_base_path)
        .unwrap_or(base_url);
    let address = format!("{base}{}", trial.path);
    let form = about.accepts.first().copied().ok_or(Refused::NotFound)?;
    let prefix = form
        .scheme()
        .map_or(String::new(), |scheme| format!("{scheme} "));
    let model = trial.model.map(|model| match addon.models.first() {
        Some(own) => own.clone(),
        None => model.to_owned(),
    });
    let told = json!({
        "address": address,
        "credential": { "header": form.header().as_str(), "prefix": prefix },
        "headers": trial.headers,
        "sends": trial.sends.word(),
        "body": trial.body,
        "shows": trial.shows.word(),
        "text": trial.text,
        "pictures": trial.pictures,
        "usage": trial.usage,
    });
    Ok(Call {
        trial: told.to_string(),
        curl: curl(
            &address,
            form.header().as_str(),
            &prefix,
            trial,
            model.as_deref(),
        ),
        models: addon.models.clone(),
        model,
        prompt: trial.prompt,
        language: trial.language,
        picture: trial.picture,
    })
}

/// The same call for a shell, with the token in a variable.
fn curl(address: &str, header: &str, prefix: &str, trial: &Trial, model: Option<&str>) -> String {
    use keystead_providers::{Sends, Shows};

    let mut line = format!("curl --no-buffer '{address}' \\\n");
    line += &format!("  -H \"{header}: {prefix}$KEYSTEAD_TOKEN\" \\\n");
    for (name, value) in &trial.headers {
        line += &format!("  -H '{name}: {value}' \\\n");
    }
    let filled = trial
        .body
        .replace(
            "{model}",
            model.filter(|model| !model.is_empty()).unwrap_or("MODEL"),
        )
        .replace("{prompt}", trial.prompt.unwrap_or_default())
        .replace("{language}", trial.language.unwrap_or_default())
        .replace("{picture-type}", "image/png")
        .replace("{picture-base64}", "BASE64")
        .replace("{picture}", "data:image/png;base64,BASE64")
        .replace('\'', "’");
    match trial.sends {
        Sends::Json => {
            line += "  -H 'content-type: application/json' \\\n";
            line += &format!("  -d '{filled}'");
        }
        Sends::FormData => {
            let fields = serde_json::from_str::<serde_json::Map<_, _>>(&filled);
            let fields = fields.unwrap_or_default().into_iter();
            let fields = fields.map(|(name, value)| {
                format!("  -F '{name}={}'", value.as_str().unwrap_or_default())
            });
            line += &fields.collect::<Vec<_>>().join(" \\\n");
        }
        Sends::Picture => {
            line += "  -H 'content-type: application/octet-stream' \\\n";
            line += "  --data-binary @picture.jpg";
        }
    }
    if trial.shows == Shows::Picture {
        line += " \\\n  -o picture.png";
    }
    line
}

/// The policy of a page that shows pictures and calls the proxy, which may have a host of its own.
pub(in crate::console) fn trial_policy(base: &'static str, proxy: &str) -> HeaderValue {
    let policy = base
        .replace("img-src 'self' data:", "img-src 'self' data: blob:")
        .replace("connect-src 'self'", &format!("connect-src 'self' {proxy}"));
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(base))
}

#[cfg(test)]
mod tests {
    use keystead_providers::{ALL, AddOnType};

    use super::*;

    #[test]
    fn the_line_for_a_shell_has_a_variable_for_the_token_and_no_gap() {
        for provider in ALL {
            for kind in AddOnType::ALL {
                let Some(trial) = provider.about().trial(kind) else {
                    continue;
                };
                let line = curl(
                    "https://k.example/x",
                    "authorization",
                    "Bearer ",
                    trial,
                    Some("m"),
                );
                assert!(
                    line.contains("\"authorization: Bearer $KEYSTEAD_TOKEN\""),
                    "{line}"
                );
                for gap in ["{model}", "{prompt}", "{language}", "{picture"] {
                    assert!(!line.contains(gap), "{line}");
                }
                assert_eq!(line.matches('\'').count() % 2, 0, "{line}");
            }
        }
    }

    #[test]
    fn the_page_may_call_the_proxy_and_show_what_it_made() {
        let base = "default-src 'none'; img-src 'self' data:; connect-src 'self'";
        let policy = trial_policy(base, "https://ai.example");
        assert_eq!(
            policy.to_str().unwrap(),
            "default-src 'none'; img-src 'self' data: blob:; connect-src 'self' https://ai.example"
        );
    }
}
