//! Decoys: what looks like a token or a key, opens nothing, and is told when somebody presents it.

use aws_lc_rs::digest::{self, SHA256};
use keystead_providers::ALL;
use keystead_vault::{Canonical, Token, TokenKind};
use zeroize::Zeroizing;

use super::{AuthorityRow, Columns, Store, StoreError, Unfit, row};
use crate::{
    audit::{Action, Actor, Event},
    clock::Timestamp,
    ids::{ApplicationId, DecoyId, OrganizationId},
};

/// A decoy, known by a hash.
#[derive(Clone, Debug)]
pub struct Decoy {
    /// Its id.
    pub id: DecoyId,
    /// Whose.
    pub organization: OrganizationId,
    /// The application that it was planted beside, if it was.
    pub application: Option<ApplicationId>,
    /// Where it was planted, as people call it.
    pub name: String,
    /// What it looks like: `access_token`, or a provider's name.
    pub form: String,
    /// What it is known by.
    pub(crate) hash: DecoyHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

/// What a decoy is known by: a hash of what is presented, of no use for anything else.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct DecoyHash([u8; 32]);

/// A decoy to be made.
#[derive(Clone, Debug)]
pub struct NewDecoy {
    /// Whose.
    pub organization: OrganizationId,
    /// The application that it is planted beside, if it is.
    pub application: Option<ApplicationId>,
    /// Where it is planted.
    pub name: String,
    /// What it looks like.
    pub form: String,
}

impl Decoy {
    /// How many an organization may have.
    pub const MOST: usize = 100;

    /// What a decoy may look like.
    pub fn forms() -> impl Iterator<Item = &'static str> {
        let providers = ALL.iter().map(|provider| provider.about().name);
        std::iter::once(ACCESS_TOKEN).chain(providers)
    }
}

impl DecoyHash {
    /// Of what somebody presented, or what is planted.
    #[must_use]
    pub fn of(presented: &str) -> Self {
        let mut context = digest::Context::new(&SHA256);
        context.update(b"keystead/decoy/v1");
        context.update(presented.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }
}

impl std::fmt::Debug for DecoyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DecoyHash(..)")
    }
}

impl AuthorityRow for Decoy {
    const TABLE: &'static str = "decoys";
    const COLUMNS: &'static str =
        "id, organization_id, application_id, name, form, hash, created_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            application: columns.optional_parsed()?,
            name: columns.text()?,
            form: columns.text()?,
            hash: DecoyHash(columns.hash()?),
            created_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let application = self.application.map(|id| id.to_string());
        row::covered(Self::TABLE, &self.organization, &self.id, self.row_version)
            .text(&application.unwrap_or_default())
            .text(&self.name)
            .text(&self.form)
            .bytes(&self.hash.0)
            .number(self.created_at.as_micros())
    }
}

impl Store {
    /// An organization's decoys, the oldest first.
    pub async fn decoys(&self, organization: OrganizationId) -> Result<Vec<Decoy>, StoreError> {
        let rows = sqlx::query(row::select::<Decoy>(
            "WHERE organization_id = $1 ORDER BY id",
        ))
        .bind(organization.to_string())
        .fetch_all(&self.0.read)
        .await?;
        rows.iter().map(|row| self.checked(row)).collect()
    }

    /// Every decoy there is. One that was altered is left out, with an alert.
    pub async fn all_decoys(&self) -> Result<Vec<(DecoyHash, Decoy)>, StoreError> {
        let rows = sqlx::query(row::select::<Decoy>("ORDER BY id"))
            .fetch_all(&self.0.read)
            .await?;
        let decoys = rows
            .iter()
            .filter_map(|row| self.checked::<Decoy>(row).ok());
        Ok(decoys.map(|decoy| (decoy.hash, decoy)).collect())
    }

    /// Makes a decoy. It is shown once; the store keeps its hash.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] `too_many_decoys`; [`StoreError::NotFound`] for an application that is
    /// another's.
    pub async fn plant_decoy(
        &self,
        actor: Actor,
        new: NewDecoy,
    ) -> Result<(Decoy, Zeroizing<String>), StoreError> {
        let text = shaped(&new.form);
        let decoy = Decoy {
            id: DecoyId::new(&self.0.clock),
            organization: new.organization,
            application: new.application,
            name: new.name,
            form: new.form,
            hash: DecoyHash::of(&text),
            created_at: self.0.clock.now(),
            row_version: 1,
        };
        let mut changing = self.change().await?;
        if let Some(application) = new.application {
            self.application_now(&mut changing, new.organization, application)
                .await?;
        }
        let planted: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM decoys WHERE organization_id = $1")
                .bind(decoy.organization.to_string())
                .fetch_one(changing.connection())
                .await?;
        if usize::try_from(planted).unwrap_or(usize::MAX) >= Decoy::MOST {
            return Err(StoreError::Conflict {
                code: "too_many_decoys",
                reason: format!("there are {planted} decoys already: remove one first"),
            });
        }
        sqlx::query(
            "INSERT INTO decoys (id, organization_id, application_id, name, form, hash, created_at,
                 row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(decoy.id.to_string())
        .bind(decoy.organization.to_string())
        .bind(decoy.application.map(|id| id.to_string()))
        .bind(&decoy.name)
        .bind(&decoy.form)
        .bind(decoy.hash.0.to_vec())
        .bind(decoy.created_at.as_micros())
        .bind(decoy.row_version)
        .bind(self.tag(&decoy)?)
        .execute(changing.connection())
        .await?;
        changing.forget(&decoy.id);
        let event = Event::new(actor, Action::DecoyPlanted, &decoy.id)
            .within(decoy.organization)
            .version(decoy.row_version);
        changing.commit(event).await?;
        Ok((decoy, text))
    }

    /// Forgets a decoy: it is a wrong credential like any other from now on.
    pub async fn remove_decoy(
        &self,
        actor: Actor,
        organization: OrganizationId,
        id: DecoyId,
    ) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        let gone = sqlx::query("DELETE FROM decoys WHERE organization_id = $1 AND id = $2")
            .bind(organization.to_string())
            .bind(id.to_string())
            .execute(changing.connection())
            .await?;
        if gone.rows_affected() == 0 {
            return Err(StoreError::not_found("decoy", &id));
        }
        changing.forget(&id);
        let event = Event::new(actor, Action::DecoyRemoved, &id);
        changing.commit(event.within(organization).gone()).await
    }
}

/// Something new that looks like what it is to be taken for.
fn shaped(form: &str) -> Zeroizing<String> {
    match keystead_providers::by_name(form) {
        Some(provider) => filled(provider.about().decoy),
        None => Zeroizing::new(Token::generate(TokenKind::Access).expose().to_owned()),
    }
}

/// A template with chance in its blanks.
fn filled(template: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(256));
    let mut parts = template.split('{');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (blank, rest) = part.split_once('}').unwrap_or((part, ""));
        let (letters, count) = blank.split_at(usize::from(!blank.is_empty()));
        let letters: &[u8] = match letters {
            "h" => b"0123456789abcdef",
            "a" => &LETTERS[..62],
            _ => LETTERS,
        };
        for _ in 0..count.parse::<u16>().unwrap_or(32) {
            // Of 64 bits, what is left over tells nobody anything.
            let chance = usize::try_from(u64::from_le_bytes(keystead_vault::random()) >> 1);
            let letter = letters[chance.unwrap_or(0) % letters.len()];
            text.push(char::from(letter));
        }
        text.push_str(rest);
    }
    text
}

/// What looks like an access token is called this.
const ACCESS_TOKEN: &str = "access_token";

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[cfg(test)]
mod tests {
    use keystead_providers::KeyShape;
    use keystead_vault::token_hash;

    use super::*;

    /// Whoever finds one takes it for what it seems to be; so does Keystead.
    #[test]
    fn a_decoy_looks_like_what_it_is_to_be_taken_for() {
        for form in Decoy::forms() {
            let (one, other) = (shaped(form), shaped(form));
            assert_ne!(one, other, "{form}");
            assert!(!one.contains(['{', '}']), "{form}");
            match keystead_providers::by_name(form) {
                Some(provider) => {
                    let shape = provider.about().key_shape(&one);
                    assert_eq!(shape, KeyShape::Fits, "{form}: {}", provider.about().decoy);
                }
                None => assert!(matches!(token_hash(&one), Some((TokenKind::Access, _)))),
            }
            assert_eq!(DecoyHash::of(&one), DecoyHash::of(&one));
            assert_ne!(DecoyHash::of(&one), DecoyHash::of(&other));
        }
    }
}
