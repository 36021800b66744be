//! From what the data file says to what the proxy asks.

use std::{collections::BTreeMap, time::Duration};

use super::{BindingTable, Files, Manifest, Mount, OperationTable};
use crate::{
    About,
    body::BodyRule,
    ceiling::Ceilings,
    destination::{Destination, Destinations},
    guidance::Guidance,
    header_list::HeaderList,
    inspect::{Beta, BodyRules, BodyTable, Named},
    meter::{Meter, MeterTable},
    operation::{Access, Binding, BindingPlace, Operation},
    path::{Route, RouteTree},
    price::PriceList,
    task::Tasks,
    trial::{Trial, Trials},
};

/// Held in memory while it is read, so no more than this unless the operation says so.
const MAX_BODY_KIB: u64 = 32 * 1024;

/// Reads a provider's data files. `shared` are those that its `mounts` take operations from.
///
/// # Errors
///
/// A text for the author of the file.
pub(super) fn load(files: &Files, shared: &[&Files]) -> Result<About, String> {
    let manifest = parse(files.provider)?;
    let shared = shared
        .iter()
        .map(|files| Ok((parse(files.provider)?, ceilings(files)?)))
        .collect::<Result<Vec<_>, String>>()?;
    let betas = shared
        .iter()
        .map(|(file, _)| file)
        .chain([&manifest])
        .flat_map(|file| file.betas.iter().cloned());
    let betas: &'static [Beta] = betas.collect::<Vec<_>>().leak();
    let mut operations = Vec::new();
    for (other, ceilings) in shared {
        let name = other.name;
        let parts = Parts::new(other, betas, ceilings)?;
        for mount in manifest
            .mounts
            .iter()
            .filter(|mount| mount.provider == name)
        {
            operations.extend(parts.mounted(mount)?);
        }
    }
    let ceilings = ceilings(files)?;
    operations.extend(Parts::new(parse(files.provider)?, betas, ceilings)?.all()?);
    let prices = PriceList::parse(files.prices).map_err(|error| error.to_string())?;
    let guidance: Guidance = toml::from_str(files.guidance).map_err(|error| error.to_string())?;
    let trials: Trials = toml::from_str(files.trials).map_err(|error| error.to_string())?;
    let tasks = Tasks::compile(files.tasks)?;
    let words = (guidance, trials.trials, tasks);
    about(manifest, prices, ceilings, words, operations, betas)
}

fn about(
    manifest: Manifest,
    prices: PriceList,
    ceilings: &'static Ceilings,
    (guidance, trials, tasks): (Guidance, Vec<Trial>, Tasks),
    operations: Vec<Operation>,
    betas: &'static [Beta],
) -> Result<About, String> {
    let destination = |address: String| -> Result<Destination, String> {
        address
            .parse()
            .map_err(|error| format!("`{address}`: {error}"))
    };
    let by_suffix = manifest.hosts.by_suffix.into_iter();
    let by_suffix = by_suffix.map(|(suffix, address)| Ok((&*suffix.leak(), destination(address)?)));
    for rule in &manifest.keys {
        rule.check()?;
    }
    let mut routes = RouteTree::new();
    for (number, operation) in operations.iter().enumerate() {
        for route in &operation.routes {
            routes.add(route, number, operation.access == Access::Denied);
        }
    }
    Ok(About {
        name: manifest.name,
        title: manifest.title,
        envelope: manifest.envelope,
        sdk_base_path: manifest.sdk_base_path,
        accepts: manifest.credentials.accepts,
        sends: manifest.credentials.sends,
        destinations: Destinations {
            default: manifest.hosts.default.map(destination).transpose()?,
            by_suffix: by_suffix.collect::<Result<_, String>>()?,
            hosts: manifest.hosts.known,
        },
        key_shapes: manifest.keys,
        decoy: manifest.decoy,
        request_headers: HeaderList::parse(&manifest.headers.request)?,
        response_headers: HeaderList::parse(&manifest.headers.response)?,
        dropped_headers: HeaderList::parse(&manifest.headers.owner)?,
        address_headers: HeaderList::parse(&manifest.headers.addresses)?,
        operations,
        routes,
        verdicts: manifest.verdicts,
        prices,
        ceilings,
        guidance,
        trials,
        tasks,
        checks: manifest.checks,
        betas,
    })
}

fn parse(file: &'static str) -> Result<Manifest, String> {
    toml::from_str(file).map_err(|error| error.to_string())
}

fn ceilings(files: &Files) -> Result<&'static Ceilings, String> {
    let ceilings = Ceilings::parse(files.models)?;
    Ok(Box::leak(Box::new(ceilings)))
}

/// What operations are made of, with the tables they name.
struct Parts {
    tables: Vec<OperationTable>,
    bodies: BTreeMap<String, &'static BodyRules>,
    queries: BTreeMap<String, &'static BodyRules>,
    meters: BTreeMap<String, MeterTable>,
    nothing: &'static BodyRules,
    betas: &'static [Beta],
    ceilings: &'static Ceilings,
}

impl Parts {
    fn new(
        manifest: Manifest,
        betas: &'static [Beta],
        ceilings: &'static Ceilings,
    ) -> Result<Self, String> {
        let named = Named {
            tools: leak_values(manifest.tools),
            references: leak_values(manifest.references),
            attachments: leak_values(manifest.attachments),
        };
        let compile = |tables: &BTreeMap<String, BodyTable>| {
            let rules = tables.iter().map(|(name, table)| {
                let rules = BodyRules::compile(table, tables, &named);
                rules.map(|rules| (name.clone(), &*Box::leak(Box::new(rules))))
            });
            rules.collect::<Result<BTreeMap<_, _>, String>>()
        };
        let nothing = BodyRules::compile(&BodyTable::default(), &BTreeMap::new(), &named)?;
        Ok(Self {
            bodies: compile(&manifest.bodies)?,
            queries: compile(&manifest.queries)?,
            tables: manifest.operations,
            meters: manifest.meters,
            nothing: Box::leak(Box::new(nothing)),
            betas,
            ceilings,
        })
    }

    fn all(&self) -> Result<Vec<Operation>, String> {
        self.tables
            .iter()
            .map(|table| self.operation(table))
            .collect()
    }

    /// The operations that a mount names, their paths moved.
    fn mounted(&self, mount: &Mount) -> Result<Vec<Operation>, String> {
        let named = mount.operations.iter().map(|name| {
            let mut tables = self.tables.iter();
            let table = tables.find(|table| table.name == name);
            let mut table = table
                .cloned()
                .ok_or_else(|| format!("nothing to mount: `{name}`"))?;
            table.model = mount.model.unwrap_or(table.model);
            table.access = mount.access.unwrap_or(table.access);
            let mut operation = self.operation(&table)?;
            operation.stream_options_since = mount.stream_options_since;
            operation.has_own_names = true;
            let moved = operation
                .routes
                .iter()
                .map(|route| route.moved(&mount.from, &mount.at));
            let moved = moved.collect::<Option<_>>();
            operation.routes =
                moved.ok_or_else(|| format!("`{name}` is not under `{}`", mount.from))?;
            Ok(operation)
        });
        named.collect()
    }

    fn operation(&self, table: &OperationTable) -> Result<Operation, String> {
        let name = table.name;
        let rules = |from: &BTreeMap<String, &'static BodyRules>, wanted: &Option<String>| {
            let Some(wanted) = wanted else {
                return Ok(self.nothing);
            };
            from.get(wanted)
                .copied()
                .ok_or_else(|| format!("{name}: no rules `{wanted}`"))
        };
        let meter = match &table.meter {
            Some(meter) => self
                .meters
                .get(meter)
                .ok_or_else(|| format!("{name}: no meter `{meter}`"))?,
            None => &MeterTable::default(),
        };
        if table.meter.is_none() && table.unmetered.is_empty() && table.access != Access::Denied {
            return Err(format!("{name}: neither `meter` nor `unmetered`"));
        }
        if table.uncounted && table.unmetered.is_empty() {
            return Err(format!("{name}: uncounted, and does not say why"));
        }
        let mut kinds = table
            .binds
            .iter()
            .map(|bind| bind.kind)
            .chain(table.fetches);
        if table
            .settles
            .is_some_and(|kind| !kinds.any(|known| known == kind))
        {
            return Err(format!("{name}: settles what it neither fetches nor makes"));
        }
        let body: Vec<_> = table.body.iter().map(String::as_str).collect();
        let routes = table.routes.iter().map(|route| Route::parse(route));
        Ok(Operation {
            name,
            access: table.access,
            purpose: table.purpose,
            types: table.types.clone(),
            routes: routes.collect::<Result<_, _>>()?,
            body: BodyRule::parse(&body)?,
            max_body: table.max_body_kib.unwrap_or(MAX_BODY_KIB) * 1024,
            model: table.model,
            default_model: table.default_model,
            gate: table.gate,
            binds: table
                .binds
                .iter()
                .map(BindingTable::binding)
                .collect::<Result<_, _>>()?,
            fetches_path: table.fetches,
            settles: table.settles,
            addresses: table.addresses.clone(),
            meter: Meter::compile(meter)?,
            unmetered: table.unmetered,
            uncounted: table.uncounted,
            stream_options_since: None,
            rules: rules(&self.bodies, &table.rules)?,
            query: rules(&self.queries, &table.query)?,
            betas: self.betas,
            ceilings: self.ceilings,
            has_own_names: false,
        })
    }
}

impl BindingTable {
    fn binding(&self) -> Result<Binding, String> {
        let place = match (self.header, self.at.is_empty()) {
            (Some(header), true) => BindingPlace::Header(header),
            (None, false) => BindingPlace::Body(self.at.clone()),
            _ => return Err(format!("an id of kind `{}` stands in one place", self.kind)),
        };
        Ok(Binding {
            kind: self.kind,
            place,
            retention: Duration::from_secs(u64::from(self.hours) * 3_600),
            when_stored: self.when_stored,
        })
    }
}

fn leak_values<T>(tables: BTreeMap<String, T>) -> BTreeMap<String, &'static T> {
    let leaked = tables
        .into_iter()
        .map(|(name, table)| (name, &*Box::leak(Box::new(table))));
    leaked.collect()
}
