//! Sessions: where the caller's own account is signed in at the console.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    List, Manage, May, Problem,
    permission::right::{EndSessions, SeeSessions},
    time::Moment,
};
use crate::{
    ids::SessionId,
    store::{Session, SignInMethod},
};

/// A session of the console that has not ended.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    pub session_id: SessionId,
    /// How the account signed in.
    pub method: SignInMethod,
    /// Browser and system, as two words of a short list.
    pub browser: String,
    /// Whether it is the one that asks.
    pub current: bool,
    /// Since when.
    pub created_at: Moment,
    /// When it was last used, to the minute.
    pub last_seen_at: Moment,
    /// When it ends, whatever is done with it.
    pub ends_at: Moment,
}

/// The sessions of the caller's own account, the newest first; 200 at most.
pub async fn list(
    manage: &Manage,
    caller: &May<SeeSessions>,
) -> Result<List<SessionView>, Problem> {
    let store = manage.store();
    let found = store
        .sessions(caller.account, manage.session_idle())
        .await?;
    let view = |one: Session| SessionView {
        current: caller.session == Some(one.id),
        session_id: one.id,
        method: one.method,
        browser: one.browser,
        created_at: Moment(one.created_at),
        last_seen_at: Moment(one.last_seen_at),
        ends_at: Moment(one.ends_at),
    };
    let data = found.into_iter().map(view).collect();
    Ok(List::part(data, false, None))
}

/// Ends one of them. It is refused from the next request on.
pub async fn end(manage: &Manage, caller: &May<EndSessions>, id: SessionId) -> Result<(), Problem> {
    let ended = manage
        .store()
        .revoke_session(caller.actor, caller.account, id);
    Ok(ended.await?)
}

/// Ends all of them, but for the one that asks. An API token asks from none, so it ends all.
pub async fn end_others(manage: &Manage, caller: &May<EndSessions>) -> Result<(), Problem> {
    let store = manage.store();
    let ended = store.revoke_sessions(caller.actor, caller.account, caller.session);
    ended.await?;
    Ok(())
}
