//! Which rules hold for a call, and who set each of them.

use std::net::IpAddr;

use super::{Budget, Holder, Place, Rate, Rates, RowLimits, Rules, Scope};
use crate::ids::{AddOnId, ApplicationId, KeyId, OrganizationId, TokenId};

/// The rules of the configuration: what holds where an object has no rule of its own.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// Calls with one access token.
    pub token: Preset<Rates>,
    /// Calls of one end user.
    pub subject: Preset<Rates>,
    /// Calls of one AddOn.
    pub addon: Preset<Rates>,
    /// Calls of one application.
    pub application: Preset<Rates>,
    /// Calls with one provider key.
    pub key: Preset<Rates>,
    /// Calls from one client address.
    pub address: Preset<Rates>,
    /// Calls with one provider key that may run at the same time.
    pub key_concurrency: Preset<u32>,
}

/// One rule of the configuration.
#[derive(Clone, Debug)]
pub struct Preset<T> {
    /// The rule; `None` is "off".
    pub rule: Option<T>,
    /// Whether the configuration says so; otherwise it is Keystead's own default.
    pub is_configured: bool,
}

/// The objects that a call rests on, with the rules that each carries.
#[derive(Clone, Copy, Debug)]
pub struct Carriers<'a> {
    /// The tenant.
    pub organization: (OrganizationId, &'a RowLimits),
    /// The application.
    pub application: (ApplicationId, &'a RowLimits),
    /// The AddOn.
    pub addon: (AddOnId, &'a RowLimits),
    /// The key, if the AddOn has one.
    pub key: Option<(KeyId, &'a RowLimits)>,
}

/// A rule that holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Holding {
    /// By what it counts.
    pub scope: Scope,
    /// The AddOn or application within which it counts end users or addresses; zeros for none.
    pub within: [u8; 16],
    /// Who set it.
    pub set_by: SetBy,
    /// What it says.
    pub says: Says,
}

/// Who set a rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SetBy {
    /// Keystead: nobody said otherwise.
    Default,
    /// The configuration of this server.
    Configuration,
    /// The rules of the organization.
    Organization(OrganizationId),
    /// The rules of the application.
    Application(ApplicationId),
    /// The rules of the AddOn.
    AddOn(AddOnId),
    /// The rules of the key.
    Key(KeyId),
}

/// What a rule says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Says {
    /// So many calls.
    Requests(Rate),
    /// So many tokens a minute.
    TokensPerMinute(u32),
    /// So many calls at the same time.
    Concurrency(u32),
    /// So much in a day or month.
    Budget(Budget),
}

impl Defaults {
    /// All of them off, for tests of what comes before limits.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self {
            token: Preset::OFF,
            subject: Preset::OFF,
            addon: Preset::OFF,
            application: Preset::OFF,
            key: Preset::OFF,
            address: Preset::OFF,
            key_concurrency: Preset::OFF,
        }
    }

    /// Every rule that holds for a call. An object's own rate takes the place of the default one;
    /// whatever else it says is added.
    pub fn holdings(&self, of: &Carriers<'_>) -> Vec<Holding> {
        let mut all = Holdings(Vec::new());
        all.preset(Scope::Token, &self.token);

        let (organization, limits) = of.organization;
        let set_by = SetBy::Organization(organization);
        all.own(Scope::Organization, None, set_by, &limits.own);

        let (application, limits) = of.application;
        let set_by = SetBy::Application(application);
        all.own(
            Scope::Application,
            Some(&self.application),
            set_by,
            &limits.own,
        );
        all.own(
            Scope::Subject,
            Some(&self.subject),
            set_by,
            &limits.each_subject,
        );
        all.preset(Scope::Address, &self.address);
        let of_application = application.as_bytes();
        all.each(Scope::Address, of_application, set_by, &limits.each_address);

        let (addon, limits) = of.addon;
        let set_by = SetBy::AddOn(addon);
        all.own(Scope::AddOn, Some(&self.addon), set_by, &limits.own);
        all.each(
            Scope::Subject,
            addon.as_bytes(),
            set_by,
            &limits.each_subject,
        );
        all.each(
            Scope::Address,
            addon.as_bytes(),
            set_by,
            &limits.each_address,
        );

        if let Some((key, limits)) = of.key {
            let set_by = SetBy::Key(key);
            all.own(Scope::Key, Some(&self.key), set_by, &limits.own);
            if limits.own.concurrency.is_none()
                && let Some(most) = self.key_concurrency.rule
            {
                all.add(
                    Scope::Key,
                    self.key_concurrency.set_by(),
                    Says::Concurrency(most),
                );
            }
        }
        all.0
    }
}

impl<T> Preset<T> {
    #[cfg(test)]
    const OFF: Self = Self {
        rule: None,
        is_configured: true,
    };

    fn set_by(&self) -> SetBy {
        match self.is_configured {
            true => SetBy::Configuration,
            false => SetBy::Default,
        }
    }
}

struct Holdings(Vec<Holding>);

impl Holdings {
    fn add(&mut self, scope: Scope, set_by: SetBy, says: Says) {
        self.0.push(Holding {
            scope,
            within: [0; 16],
            set_by,
            says,
        });
    }

    fn preset(&mut self, scope: Scope, preset: &Preset<Rates>) {
        for rate in preset.rule.iter().flat_map(Rates::iter) {
            self.add(scope, preset.set_by(), Says::Requests(rate));
        }
    }

    /// The rules of the thing itself, its rate in place of the default.
    fn own(&mut self, scope: Scope, preset: Option<&Preset<Rates>>, set_by: SetBy, rules: &Rules) {
        if let (None, Some(preset)) = (&rules.requests, preset) {
            self.preset(scope, preset);
        }
        self.each(scope, [0; 16], set_by, rules);
    }

    fn each(&mut self, scope: Scope, within: [u8; 16], set_by: SetBy, rules: &Rules) {
        let rates = rules.requests.iter().flat_map(Rates::iter);
        let tokens = rules
            .tokens_per_minute
            .map(|n| Says::TokensPerMinute(n.get()));
        let running = rules.concurrency.map(|n| Says::Concurrency(n.get()));
        let said = rates
            .map(Says::Requests)
            .chain(tokens)
            .chain(running)
            .chain(rules.budgets.iter().copied().map(Says::Budget));
        self.0.extend(said.map(|says| Holding {
            scope,
            within,
            set_by,
            says,
        }));
    }
}

/// Whose call it is; what is not known is not counted.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    /// The tenant.
    pub organization: OrganizationId,
    /// The application.
    pub application: ApplicationId,
    /// The AddOn.
    pub addon: AddOnId,
    /// The key, if the AddOn has one.
    pub key: Option<KeyId>,
    /// The access token.
    pub token: Option<TokenId>,
    /// The end user's keyed hash.
    pub subject: Option<[u8; 32]>,
    /// The client's address.
    pub address: Option<IpAddr>,
}

impl Holding {
    /// What it counts by in somebody's call.
    #[must_use]
    pub fn place(&self, who: &Who) -> Option<Place> {
        let id = match self.scope {
            Scope::Token => who.token?.as_bytes(),
            Scope::Subject => first_half(&who.subject?),
            Scope::AddOn => who.addon.as_bytes(),
            Scope::Application => who.application.as_bytes(),
            Scope::Organization => who.organization.as_bytes(),
            Scope::Key => who.key?.as_bytes(),
            Scope::Address => address_id(who.address?),
        };
        Some(Place {
            scope: self.scope,
            within: self.within,
            id,
        })
    }

    /// Whose budget it counts in somebody's call; none where a budget can't be.
    #[must_use]
    pub fn holder(&self, who: &Who) -> Option<Holder> {
        Some(match self.scope {
            Scope::Subject if self.within == [0; 16] => {
                Holder::Subject(who.application, who.subject?)
            }
            Scope::Subject => Holder::AddOnSubject(who.addon, who.subject?),
            Scope::AddOn => Holder::AddOn(who.addon),
            Scope::Application => Holder::Application(who.application),
            Scope::Organization => Holder::Organization,
            Scope::Key => Holder::Key(who.key?),
            Scope::Token | Scope::Address => return None,
        })
    }
}

/// Half of a 256-bit hash is still more than enough to keep subjects apart.
fn first_half(hash: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}

/// What an address is counted by. An IPv6 client owns its /64: counting each of its addresses
/// would count nothing.
#[must_use]
pub fn address_id(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.to_ipv6_mapped().octets(),
            None => {
                let mut id = v6.octets();
                id[8..].fill(0);
                id
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preset(text: &str) -> Preset<Rates> {
        Preset {
            rule: text.parse().ok(),
            is_configured: false,
        }
    }

    fn defaults() -> Defaults {
        Defaults {
            token: preset("50/s burst 100"),
            subject: preset("50/s burst 100"),
            addon: preset("500/s burst 1000"),
            application: preset("500/s burst 1000"),
            key: preset("500/s burst 1000"),
            address: Preset {
                is_configured: true,
                ..preset("5/s")
            },
            key_concurrency: Preset {
                rule: Some(200),
                is_configured: false,
            },
        }
    }

    fn limits(json: &str) -> RowLimits {
        serde_json::from_str(json).unwrap()
    }

    fn held(addon: &RowLimits, key: &RowLimits) -> Vec<String> {
        let none = RowLimits::default();
        let carriers = Carriers {
            organization: (OrganizationId::from_bytes([1; 16]), &none),
            application: (ApplicationId::from_bytes([2; 16]), &none),
            addon: (AddOnId::from_bytes([3; 16]), addon),
            key: Some((KeyId::from_bytes([4; 16]), key)),
        };
        let shown = |one: Holding| {
            let says = match one.says {
                Says::Requests(rate) => rate.to_string(),
                Says::TokensPerMinute(tokens) => format!("{tokens} tokens/m"),
                Says::Concurrency(most) => format!("{most} running"),
                Says::Budget(budget) => budget.to_string(),
            };
            let by = match one.set_by {
                SetBy::Default => "default",
                SetBy::Configuration => "configuration",
                _ => "its own",
            };
            format!("{}: {says} ({by})", one.scope.word())
        };
        defaults()
            .holdings(&carriers)
            .into_iter()
            .map(shown)
            .collect()
    }

    #[test]
    fn nothing_is_ever_unlimited() {
        assert_eq!(
            held(&RowLimits::default(), &RowLimits::default()),
            [
                "token: 50/s burst 100 (default)",
                "application: 500/s burst 1000 (default)",
                "subject: 50/s burst 100 (default)",
                "address: 5/s (configuration)",
                "addon: 500/s burst 1000 (default)",
                "key: 500/s burst 1000 (default)",
                "key: 200 running (default)",
            ]
        );
    }

    #[test]
    fn an_own_rate_takes_the_place_of_the_default_and_all_else_is_added() {
        let addon = limits(
            r#"{"requests":"10/s, 1000/d","budgets":["5 USD/day"],"each_subject":{"requests":"1/s"}}"#,
        );
        let key = limits(r#"{"concurrency":3,"tokens_per_minute":9000}"#);
        let held = held(&addon, &key);
        assert_eq!(
            held[4..],
            [
                "addon: 10/s (its own)",
                "addon: 1000/d (its own)",
                "addon: 5 USD/day (its own)",
                "subject: 1/s (its own)",
                "key: 500/s burst 1000 (default)",
                "key: 9000 tokens/m (its own)",
                "key: 3 running (its own)",
            ]
        );
        assert!(held.contains(&"subject: 50/s burst 100 (default)".to_owned()));
    }
}
