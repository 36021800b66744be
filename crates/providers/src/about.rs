//! Everything that is known about a provider, and the questions it answers.

use http::{HeaderMap, Method, StatusCode};

use crate::{
    Ceilings, CredentialForm, Destination, EndpointError, Envelope, Guidance, HeaderList,
    HostRules, KeyShape, Match, Meaning, Operation, PriceList,
    destination::Destinations,
    inspect::Beta,
    key_shape::{self, ShapeRule},
    manifest::CheckTable,
    operation::{Access, AddOnType},
    path::{Route, RouteTree},
    task::Tasks,
    trial::Trial,
    verdict::{ErrorBody, Verdict},
};

/// A provider, as its data file describes it.
#[derive(Debug)]
pub struct About {
    /// `azure-openai`: in commands, settings and the store.
    pub name: &'static str,
    /// `Azure OpenAI`: for people.
    pub title: &'static str,
    /// The shape of its errors.
    pub envelope: Envelope,
    /// What its official SDK wants after the base address: `/v1`, nothing, or `/`.
    pub sdk_base_path: &'static str,
    /// The forms in which a client may send its token.
    pub accepts: Vec<CredentialForm>,
    /// The forms in which the key may leave.
    pub sends: Vec<CredentialForm>,
    /// Where it is called.
    pub destinations: Destinations,
    /// What a key may look like, for decoys: `{w74}` stands for so many letters, digits, `-` and `_`,
    /// `{a…}` for letters and digits, `{h…}` for lower-case hexadecimal digits.
    pub decoy: &'static str,
    /// What its keys look like.
    pub key_shapes: Vec<ShapeRule>,
    /// The request headers that pass.
    pub request_headers: HeaderList,
    /// The response headers that pass, apart from those below.
    pub response_headers: HeaderList,
    /// Response headers that tell whose key it is; dropped, whatever the list says.
    pub dropped_headers: HeaderList,
    /// Response headers that carry an address of the provider's own: see
    /// [`rewrite_headers`](Self::rewrite_headers).
    pub address_headers: HeaderList,
    /// What can be asked of it.
    pub operations: Vec<Operation>,
    /// What its error answers mean, most telling first.
    pub verdicts: Vec<Verdict>,
    /// What its calls cost, as far as that is known.
    pub prices: PriceList,
    /// How much its models take and give at most, as far as that is known.
    pub ceilings: &'static Ceilings,
    /// How to make a key that can do no more than it must.
    pub guidance: Guidance,
    /// Calls to try an AddOn with.
    pub trials: Vec<Trial>,
    /// What it can do by a neutral request.
    pub tasks: Tasks,
    pub(crate) routes: RouteTree,
    pub(crate) checks: Vec<CheckTable>,
    pub(crate) betas: &'static [Beta],
}

impl About {
    /// The operation that a path asks for. `None` for what is [denied](Self::denied) and for what
    /// nobody knows.
    ///
    /// `path` is the provider's own, `/v1/…`, normalised, without a query.
    pub fn classify<'a>(&'static self, method: &Method, path: &'a str) -> Option<Match<'a>> {
        let fit = self.routes.find(method, path)?;
        Some(Match {
            operation: &self.operations[fit.operation],
            ids: fit.ids,
        })
    }

    /// The operation that a path asks for and that no AddOn can allow: administration, billing,
    /// the making of other keys.
    pub fn denied(&'static self, method: &Method, path: &str) -> Option<&'static Operation> {
        let number = self.routes.denied(method, path)?;
        Some(&self.operations[number])
    }

    /// What an error answer means. Success is [`Meaning::Pass`].
    pub fn judge(&self, status: StatusCode, body: &[u8], headers: &HeaderMap) -> Meaning {
        if status.is_success() {
            return Meaning::Pass;
        }
        let body = ErrorBody::read(body, headers);
        let mut verdicts = self.verdicts.iter();
        let found = verdicts.find(|verdict| verdict.fits(status, &body));
        found.map_or(Meaning::Pass, |verdict| verdict.means)
    }

    /// What a pasted key looks like.
    pub fn key_shape(&self, key: &str) -> KeyShape {
        key_shape::read(&self.key_shapes, key)
    }

    /// Where a key is to be used.
    ///
    /// # Errors
    ///
    /// [`EndpointError`], safe to show.
    pub fn destination(
        &self,
        key: &str,
        endpoint: Option<&str>,
        rules: HostRules<'_>,
    ) -> Result<Destination, EndpointError> {
        self.destinations.choose(key, endpoint, rules)
    }

    /// The first operation of this name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations
            .iter()
            .find(|operation| operation.name == name)
    }

    /// The call to try an AddOn of this type with.
    pub fn trial(&self, kind: AddOnType) -> Option<&Trial> {
        self.trials.iter().find(|trial| trial.types.contains(&kind))
    }

    /// Every feature that some request can need, in alphabetical order.
    pub fn features(&self) -> Vec<&'static str> {
        let of_operations = self.operations.iter().flat_map(|operation| {
            let fields = operation.rules.features().chain(operation.query.features());
            fields.chain(operation.gate)
        });
        let mut features: Vec<_> = of_operations
            .chain(self.betas.iter().flat_map(Beta::features))
            .collect();
        features.sort_unstable();
        features.dedup();
        features
    }

    /// Every way to call what is denied, for those who check that none is open.
    pub fn denied_routes(&self) -> impl Iterator<Item = &Route> {
        let denied = self
            .operations
            .iter()
            .filter(|operation| operation.access == Access::Denied);
        denied.flat_map(|operation| &operation.routes)
    }
}
