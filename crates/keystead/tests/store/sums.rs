//! What is added up equals the ledger, whatever is appended, in whatever order, by however many.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use keystead::{
    clock::Timestamp,
    ids::{OrganizationId, RequestId},
    store::{Access, Batch, Binding, Store, StoreUrl, Sums, Units, UsageRow},
};
use keystead_providers::ObjectRef;
use keystead_vault::SubjectHash;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, any::AnyRow};

use crate::{
    bed::{ACTOR, Bed, connect},
    on_both_stores,
};

on_both_stores!(
    sums_equal_the_ledger,
    a_batch_that_is_sent_twice_is_added_once,
    what_was_settled_before_costs_nothing_however_often_it_is_sent,
    an_estimate_gives_way_to_what_is_told,
    a_sum_stops_at_what_the_store_holds,
    what_can_not_be_a_model_is_no_row_of_its_own,
);

/// Numbers that look random and are the same at every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) % sides
    }

    fn maybe(&mut self, sides: u64) -> Option<u64> {
        (self.roll(3) > 0).then(|| self.roll(sides))
    }

    fn byte(&mut self, sides: u64) -> [u8; 16] {
        [u8::try_from(self.roll(sides)).unwrap(); 16]
    }

    /// An attempt of some application, AddOn, key, model and end user, on one of three days.
    pub(crate) fn attempt(&mut self, bed: &Bed, organization: OrganizationId) -> UsageRow {
        let back = Duration::from_secs(self.roll(3 * 86_400));
        let outcomes = ["answered", "answered", "refused", "broken_off", "silent"];
        UsageRow {
            request: RequestId::new(&bed.clock),
            attempt: 1,
            at: bed.clock.now() - back,
            application: self.byte(2).into(),
            addon: self.byte(3).into(),
            key: self.maybe(2).map(|_| self.byte(2).into()),
            subject: self
                .maybe(2)
                .map(|_| SubjectHash::from_bytes([u8::try_from(self.roll(5)).unwrap(); 32])),
            provider: ["openai", "deepl"][usize::try_from(self.roll(2)).unwrap()],
            operation: ["chat.completions", "translate"][usize::try_from(self.roll(2)).unwrap()],
            model: self.maybe(3).map(|model| format!("model-{model}").into()),
            status: self.maybe(2).map(|one| [200, 500][usize::from(one == 0)]),
            outcome: outcomes[usize::try_from(self.roll(5)).unwrap()],
            units: Units {
                input_tokens: self.maybe(10_000),
                cached_tokens: self.maybe(100),
                cache_write_tokens: self.maybe(100),
                output_tokens: self.maybe(10_000),
                reasoning_tokens: self.maybe(100),
                characters: self.maybe(10_000),
                images: self.maybe(4),
                seconds: self.maybe(60),
                transactions: self.maybe(4),
                credits_milli: self.maybe(9_000),
            },
            is_estimated: self.roll(4) == 0,
            cost_micro_usd: self.maybe(1_000_000),
            is_priced: self.roll(3) > 0,
            ..UsageRow::blank(organization)
        }
    }

    pub(crate) fn attempts(
        &mut self,
        bed: &Bed,
        organizations: &[OrganizationId],
        size: u64,
    ) -> Vec<UsageRow> {
        let rows = (0..size).map(|_| {
            let which = usize::try_from(self.roll(organizations.len() as u64)).unwrap();
            self.attempt(bed, organizations[which])
        });
        rows.collect()
    }
}

async fn sums_equal_the_ledger(bed: Bed) {
    let organizations = organizations(&bed).await;
    let mut dice = Dice(1);
    let mut rows = Vec::new();
    for size in [0, 1, 2, 60, 500, 3] {
        let attempts = dice.attempts(&bed, &organizations, size);
        rows.extend(attempts.clone());
        let batch = Batch::from(attempts);
        bed.store().append_usage(&batch).await.unwrap();
    }

    assert_eq!(in_the_store(&bed.url).await, added_up(&rows));
}

async fn a_batch_that_is_sent_twice_is_added_once(bed: Bed) {
    let organizations = organizations(&bed).await;
    let mut dice = Dice(2);
    let attempts = [40, 7].map(|size| dice.attempts(&bed, &organizations, size));
    let batches = attempts.clone().map(Batch::from);
    for batch in [&batches[0], &batches[1], &batches[0], &batches[1]] {
        bed.store().append_usage(batch).await.unwrap();
    }

    assert_eq!(in_the_store(&bed.url).await, added_up(&attempts.concat()));
}

/// A result that is fetched again reports its usage again; that it was booked before stays known
/// when the provider has forgotten it and the batch is sent once more.
async fn what_was_settled_before_costs_nothing_however_often_it_is_sent(bed: Bed) {
    let organization = organizations(&bed).await[0];
    let mut first = Dice(5).attempt(&bed, organization);
    first.key = Some([1; 16].into());
    first.cost_micro_usd = Some(3_000);
    first.settles = Some(Box::new(ObjectRef {
        kind: "response",
        id: "resp_0123456789".to_owned(),
    }));
    let binding = Binding {
        organization,
        application: first.application,
        addon: first.addon,
        key: [1; 16].into(),
        subject: SubjectHash::from_bytes([1; 32]),
        kind: "response",
        object: "resp_0123456789".to_owned(),
        expires_at: bed.clock.now() + Duration::from_secs(60),
    };
    bed.store().bind(&[binding]).await.unwrap();
    let again = UsageRow {
        request: RequestId::new(&bed.clock),
        ..first.clone()
    };
    let booked = Batch::from(vec![first.clone()]);
    let fetched = Batch::from(vec![again.clone()]);
    bed.store().append_usage(&booked).await.unwrap();
    bed.store().append_usage(&fetched).await.unwrap();
    bed.clock.advance(Duration::from_secs(60));
    assert_eq!(bed.store().delete_expired_bindings().await.unwrap(), 1);
    bed.store().append_usage(&fetched).await.unwrap();

    let free = UsageRow {
        units: Units::default(),
        is_estimated: false,
        cost_micro_usd: Some(0),
        is_priced: true,
        ..again
    };
    assert_eq!(in_the_store(&bed.url).await, added_up(&[first, free]));
}

/// What was estimated when the object was made gives way to what is told when it is fetched, once,
/// and a rebuild finds the same.
async fn an_estimate_gives_way_to_what_is_told(bed: Bed) {
    let organization = organizations(&bed).await[0];
    let mut dice = Dice(11);
    let object = |name: &str| ObjectRef {
        kind: "document",
        id: name.to_owned(),
    };
    let mut expected = Vec::new();
    for name in ["made first", "told first"] {
        let mut made = dice.attempt(&bed, organization);
        made.key = Some([1; 16].into());
        made.settles = Some(Box::new(object(name)));
        (made.outcome, made.is_estimated, made.is_priced) = ("answered", true, true);
        made.cost_micro_usd = Some(700);
        made.units = Units {
            characters: Some(50_000),
            ..Units::default()
        };
        let binding = Binding {
            organization,
            application: made.application,
            addon: made.addon,
            key: [1; 16].into(),
            subject: SubjectHash::from_bytes([1; 32]),
            kind: "document",
            object: name.to_owned(),
            expires_at: bed.clock.now() + Duration::from_secs(60),
        };
        bed.store().bind(&[binding]).await.unwrap();
        let told = |request| UsageRow {
            request,
            is_estimated: false,
            cost_micro_usd: Some(90),
            units: Units {
                characters: Some(6_200),
                ..Units::default()
            },
            ..made.clone()
        };
        let (first, second) = (
            told(RequestId::new(&bed.clock)),
            told(RequestId::new(&bed.clock)),
        );
        let mut rows = vec![made.clone(), first.clone(), second.clone()];
        if name == "told first" {
            rows.rotate_left(1);
        }
        for row in rows {
            bed.store()
                .append_usage(&Batch::from(vec![row]))
                .await
                .unwrap();
        }
        let free = |row: UsageRow| UsageRow {
            units: Units::default(),
            is_estimated: false,
            cost_micro_usd: Some(0),
            is_priced: true,
            ..row
        };
        expected.extend([free(made), first, free(second)]);
    }
    assert_eq!(in_the_store(&bed.url).await, added_up(&expected));

    bed.store().rebuild_usage().await.unwrap();
    assert_eq!(in_the_store(&bed.url).await, added_up(&expected));
}

async fn a_sum_stops_at_what_the_store_holds(bed: Bed) {
    let organization = organizations(&bed).await[0];
    let mut dice = Dice(3);
    let mut large = dice.attempt(&bed, organization);
    large.subject = Some(SubjectHash::from_bytes([7; 32]));
    large.is_priced = true;
    for (input, output) in [
        (u64::MAX, i64::MAX as u64 - 3),
        (5, 4),
        (u64::MAX, 0),
        (1, 9),
    ] {
        large.request = RequestId::new(&bed.clock);
        large.units = Units {
            input_tokens: Some(input),
            output_tokens: Some(output),
            ..Units::default()
        };
        large.cost_micro_usd = Some(input);
        let rows = vec![large.clone()];
        bed.store().append_usage(&Batch::from(rows)).await.unwrap();
    }

    let most = i64::MAX.to_string();
    let found = in_the_store(&bed.url).await;
    assert_eq!(
        found.len(),
        8,
        "an hour, a day, five things alone, an end user"
    );
    for sums in found.values() {
        let [attempts, input, output, cost] = [0, 5, 8, 15].map(|place| sums[place].to_string());
        assert_eq!(
            (&*attempts, &input, &output, &cost),
            ("4", &most, &most, &most)
        );
    }
}

/// What a client writes where the model stands must neither end up in the sums nor break them.
async fn what_can_not_be_a_model_is_no_row_of_its_own(bed: Bed) {
    let organization = organizations(&bed).await[0];
    let mut dice = Dice(4);
    let like = dice.attempt(&bed, organization);
    let named = |model: &str, status| UsageRow {
        request: RequestId::new(&bed.clock),
        model: Some(model.into()),
        status: Some(status),
        units: Units::default(),
        ..like.clone()
    };
    let rows = vec![
        named("gpt-6-luna", 200),
        named("gpt-6-luna", 429),
        named("gpt-6-moon", 404),
        named("nul\0nul", 200),
        named(&"m".repeat(4_000), 200),
        named("please summarise my letter", 200),
    ];
    bed.store().append_usage(&Batch::from(rows)).await.unwrap();

    let found = in_the_store(&bed.url).await;
    let models: BTreeMap<_, _> = found
        .iter()
        .filter(|(key, _)| key[0] == "usage_days")
        .map(|(key, sums)| (key.last().unwrap().as_str(), sums[0]))
        .collect();
    assert_eq!(models, BTreeMap::from([("", 4), ("gpt-6-luna", 2)]));
}

/// Processes add to the same rows again and again while another makes them anew: none ever waits for
/// another in a circle, and nothing is lost or added twice.
#[tokio::test(flavor = "multi_thread")]
async fn processes_that_write_the_same_sums_wait_for_each_other_and_never_in_a_circle() {
    let bed = Bed::postgres().await;
    let organizations = organizations(&bed).await;
    let (mut writing, mut rows) = (Vec::new(), Vec::new());
    let began = Instant::now();
    for process in 0..4 {
        let store = Store::open(&bed.url, Access::Write, bed.clock.clone())
            .await
            .unwrap();
        let mut dice = Dice(100 + process);
        let attempts: Vec<_> = (0..15)
            .map(|_| dice.attempts(&bed, &organizations, 200))
            .collect();
        rows.extend(attempts.concat());
        writing.push(tokio::spawn(async move {
            for attempts in attempts {
                store.append_usage(&Batch::from(attempts)).await.unwrap();
            }
        }));
    }
    while !writing.iter().all(|process| process.is_finished()) {
        bed.store().rebuild_usage().await.unwrap();
    }
    for process in writing {
        process.await.unwrap();
    }

    assert_eq!(in_the_store(&bed.url).await, added_up(&rows));
    let took = began.elapsed();
    assert!(took < Duration::from_secs(60), "it took {took:?}");
}

pub(crate) async fn organizations(bed: &Bed) -> [OrganizationId; 2] {
    let one = bed.custody.create_organization(ACTOR, "One").await.unwrap();
    let two = bed.custody.create_organization(ACTOR, "Two").await.unwrap();
    [one.id, two.id]
}

pub(crate) const TABLES: [&str; 4] = [
    "usage_hours",
    "usage_days",
    "usage_shares",
    "usage_subjects",
];

/// The rows of all these tables: the sums by the table's name and the key.
pub(crate) type Table = BTreeMap<Vec<String>, Vec<i64>>;

pub(crate) async fn in_the_store(url: &StoreUrl) -> Table {
    let mut database = connect(url).await;
    let mut found = BTreeMap::new();
    for table in TABLES {
        let all = AssertSqlSafe(format!("SELECT * FROM {table}"));
        for row in database.fetch_all(all).await.unwrap() {
            let width = row.len() - Sums::NAMES.len();
            let key = (0..width).map(|column| text(&row, column));
            let key = std::iter::once(table.to_owned()).chain(key).collect();
            let sums = (width..row.len()).map(|column| row.get(column)).collect();
            assert!(found.insert(key, sums).is_none(), "a key is there once");
        }
    }
    database.close().await.unwrap();
    found
}

fn text(row: &AnyRow, column: usize) -> String {
    let number = row.try_get::<i64, _>(column).map(|it| it.to_string());
    let bytes = || row.get::<Vec<u8>, _>(column);
    number.unwrap_or_else(|_| {
        let text = row.try_get::<String, _>(column);
        text.unwrap_or_else(|_| format!("{:?}", bytes()))
    })
}

/// The same from the attempts, in the simplest of ways.
pub(crate) fn added_up(rows: &[UsageRow]) -> Table {
    let mut table = BTreeMap::new();
    for row in rows {
        let (organization, hour) = (row.organization.to_string(), hours(row.at));
        let day = (hour / 24).to_string();
        let group = [
            row.application.to_string(),
            row.addon.to_string(),
            row.key.map_or_else(String::new, |key| key.to_string()),
            row.provider.to_owned(),
            row.operation.to_owned(),
            row.model.as_deref().unwrap_or_default().to_owned(),
        ];
        let keyed = |name: &str, at: &str, rest: &[String]| -> Vec<String> {
            let begin = [name.to_owned(), organization.clone(), at.to_owned()];
            begin.into_iter().chain(rest.iter().cloned()).collect()
        };
        let mut keys = vec![
            keyed("usage_hours", &hour.to_string(), &group),
            keyed("usage_days", &day, &group),
        ];
        let [application, addon, key, provider, _, model] = &group;
        for (kind, name) in [
            ("application", application),
            ("addon", addon),
            ("key", key),
            ("provider", provider),
            ("model", model),
        ] {
            let rest = [kind.to_owned(), name.clone()];
            keys.push(keyed("usage_shares", &day, &rest));
        }
        if let Some(subject) = &row.subject {
            let [application, addon, ..] = group;
            let subject = format!("{:?}", subject.as_bytes());
            keys.push(keyed(
                "usage_subjects",
                &day,
                &[application, addon, subject],
            ));
        }
        for key in keys {
            let sums = table.entry(key).or_insert_with(|| vec![0; 17]);
            for (sum, more) in sums.iter_mut().zip(of(row)) {
                *sum += i64::try_from(more).unwrap();
            }
        }
    }
    table
}

fn of(row: &UsageRow) -> [u64; 17] {
    let done = row.outcome != "refused" && row.outcome != "unreachable";
    let failed = row.outcome != "answered" || row.status.is_some_and(|status| status > 399);
    let cost = row.cost_micro_usd.unwrap_or(0);
    let units = &row.units;
    [
        Some(1),
        Some(u64::from(done)),
        Some(u64::from(failed)),
        Some(u64::from(row.is_estimated)),
        Some(u64::from(done && !row.is_priced)),
        units.input_tokens,
        units.cached_tokens,
        units.cache_write_tokens,
        units.output_tokens,
        units.reasoning_tokens,
        units.characters,
        units.images,
        units.seconds,
        units.transactions,
        units.credits_milli,
        Some(if row.is_priced { cost } else { 0 }),
        Some(if row.is_priced { 0 } else { cost }),
    ]
    .map(Option::unwrap_or_default)
}

fn hours(at: Timestamp) -> i64 {
    at.as_micros() / 3_600_000_000
}
