//! The sums in Redis against those of one process, and two processes against each other. The
//! Redis is a real one, which `cargo xtask test` starts.

use std::num::NonZeroU32;

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::{link::Said, *};
use crate::{
    limits::{Bucket, Limiter, Per, Rate, Rule, Scope, Verdict, limiter::take_at},
    net::{Connector, address::AddressRules},
};

mod tls;

fn place() -> SharedUrl {
    let url = std::env::var_os("KEYSTEAD_TEST_REDIS");
    let url = url.expect("`cargo xtask test` starts a Redis and says where it is");
    url.into_string().unwrap().parse().unwrap()
}

fn connector() -> Connector {
    let rules = AddressRules {
        allow_private: true,
        ..AddressRules::default()
    };
    Connector::new(rules, PATIENCE)
}

/// A process that shares its limits with all who were made with the same `names`.
struct Process {
    limiter: Limiter,
    shared: Arc<Shared>,
    metrics: Metrics,
}

impl Process {
    async fn start(names: [u8; 32]) -> Self {
        let metrics = Metrics::new();
        let names = MacKey::from_opened(&names).unwrap();
        let (shared, mut link) = Shared::new(names, place(), connector(), metrics.clone());
        link.connect().await;
        tokio::spawn(link.run());
        Self {
            limiter: Limiter::new(Some(shared.clone())),
            shared,
            metrics,
        }
    }

    fn charge(&self, scope: Scope, rule: Rule, cost: u32) -> Charge {
        Charge {
            bucket: self.bucket(scope),
            rule,
            cost,
        }
    }

    fn bucket(&self, scope: Scope) -> Bucket {
        self.limiter.bucket(Place::of(scope, [scope as u8; 16]))
    }

    async fn charged<'a>(
        &self,
        charges: &'a [&'a [Charge]],
    ) -> Result<crate::limits::Taken, Full<'a>> {
        let running = &[];
        self.limiter.admit(Wants { charges, running }).await
    }
}

async fn two_processes() -> (Process, Process) {
    let names = random();
    (Process::start(names).await, Process::start(names).await)
}

fn rate(count: u32, per: Per, burst: u32) -> Rule {
    let number = |n| NonZeroU32::new(n).unwrap();
    Rule::calls(Rate {
        count: number(count),
        per,
        burst: number(burst),
    })
}

#[tokio::test]
async fn processes_take_from_one_rate() {
    let (one, other) = two_processes().await;
    let rule = rate(1, Per::Hour, 3);
    let wide = rate(100, Per::Second, 100);
    for (process, passes) in [(&one, true), (&other, true), (&one, true), (&other, false)] {
        let first = [process.charge(Scope::Token, wide, 1)];
        let second = [process.charge(Scope::Key, rule, 1)];
        let charges: [&[Charge]; 2] = [&first, &second];
        match process.charged(&charges).await {
            Ok(taken) => assert!(passes && !taken.is_plain()),
            Err(Full::Rate { charge, reset }) => {
                assert!(!passes);
                assert_eq!(charge.bucket.scope(), Scope::Key);
                assert!((3_500..=3_600).contains(&reset.as_secs()), "{reset:?}");
                // What refused took nothing, here or there.
                assert_eq!(process.limiter.look(&second[0]), Duration::ZERO);
            }
            Err(full) => panic!("{full:?}"),
        }
    }
    // Neither sum stays for longer than anybody owes it.
    let live = one.shared.live().unwrap();
    for (rule, most_ms) in [(wide, 50), (rule, 3 * 3_600_000)] {
        let scope = if most_ms == 50 {
            Scope::Token
        } else {
            Scope::Key
        };
        let key = Key::sum(&one.charge(scope, rule, 1));
        let left = live
            .query::<i64>(redis::cmd("PTTL").arg(key.as_str()))
            .await;
        // -2: it has gone.
        let left = left.unwrap();
        assert!(left == -2 || (1..=most_ms).contains(&left), "{left} ms");
    }
}

#[tokio::test]
async fn what_is_given_back_or_not_used_is_there_for_all() {
    let (one, other) = two_processes().await;
    let tokens = Rule::tokens_per_minute(600);
    let reserved = [one.charge(Scope::Key, tokens, 500)];
    let wanted = [other.charge(Scope::Key, tokens, 450)];
    let (reserved, wanted): ([&[Charge]; 1], [&[Charge]; 1]) = ([&reserved], [&wanted]);

    let taken = one.charged(&reserved).await.unwrap();
    other.charged(&wanted).await.unwrap_err();
    taken.settle(reserved[0], 100);
    drop(taken);
    let taken = eventually(async || other.charged(&wanted).await.ok()).await;
    other.limiter.give_back(&wanted, &taken);
    drop(taken);
    eventually(async || one.charged(&reserved[..0]).await.ok()).await;
    eventually(async || other.charged(&wanted).await.ok()).await;
}

#[tokio::test]
async fn running_calls_are_counted_over_all_processes() {
    let (one, other) = two_processes().await;
    let enter = async |process: &Process| {
        let running = [(process.bucket(Scope::Key), 2)];
        let wants = Wants {
            charges: &[],
            running: &[&running],
        };
        process.limiter.admit(wants).await.ok()
    };
    let first = enter(&one).await.unwrap();
    let second = enter(&other).await.unwrap();
    assert!(enter(&one).await.is_none() && enter(&other).await.is_none());
    drop(first);
    let third = eventually(async || enter(&other).await).await;
    assert!(enter(&one).await.is_none());
    // What a process said of its running calls is unsaid when it ends.
    other.limiter.leave().await;
    let again = (enter(&one).await, enter(&one).await);
    assert!(again.0.is_some() && again.1.is_some());
    drop((second, third));
}

/// A process that is left alone goes on from what all had used, not from what it used itself.
#[tokio::test]
async fn who_is_left_alone_begins_where_all_were() {
    let (one, other) = two_processes().await;
    let charges = |process: &Process| [process.charge(Scope::Key, rate(1, Per::Hour, 10), 1)];
    let (ours, theirs) = (charges(&one), charges(&other));
    for _ in 0..7 {
        other.charged(&[&theirs]).await.unwrap();
    }
    one.charged(&[&ours]).await.unwrap();
    eventually(async || (one.shared.processes() == 2).then_some(())).await;
    let live = one.shared.live().unwrap();
    one.shared.give_up(&live, Away::Silent);
    // Eight of ten are used, and one of the two that are left is its own.
    let taken = one.charged(&[&ours]).await.unwrap();
    assert_eq!((taken.weight(), taken.is_plain()), (2, false));
    one.charged(&[&ours]).await.unwrap_err();
}

#[tokio::test]
async fn scripts_that_were_forgotten_are_sent_again() {
    let process = Process::start(random()).await;
    let live = process.shared.live().unwrap();
    let forgotten = live.query::<()>(redis::cmd("SCRIPT").arg("FLUSH")).await;
    forgotten.unwrap();
    let charges = [process.charge(Scope::Key, rate(1, Per::Hour, 1), 1)];
    let charges: [&[Charge]; 1] = [&charges];
    assert!(!process.charged(&charges).await.unwrap().is_plain());
    assert!(
        process
            .metrics
            .render()
            .contains("keystead_shared_limits_fallbacks_total 0")
    );
}

/// The outcome of `work` as soon as it has one.
async fn eventually<T>(mut work: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(outcome) = work().await {
            return outcome;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within five seconds");
}

/// A connection whose script takes the time from a key, in place of the clock, and keeps its sums.
struct Stopped {
    live: Live,
    clock: String,
}

impl Stopped {
    async fn new() -> Self {
        let clock = format!("keystead-test:clock:{}", hex(&random::<8>()));
        let mut script = link::ADMIT.to_owned();
        for (part, instead) in [
            (
                "local time = redis.call('TIME')",
                format!("local time = {{0, redis.call('GET', '{clock}')}}"),
            ),
            ("string.format('%.0f', ms)", "3600000".to_owned()),
        ] {
            assert!(script.contains(part), "{part}");
            script = script.replace(part, &instead);
        }
        let mut live = Live::open(&place(), &connector()).await.unwrap();
        let load = live
            .query(redis::cmd("SCRIPT").arg("LOAD").arg(script))
            .await;
        live.admit_by(load.unwrap());
        Self { live, clock }
    }

    async fn admit_at(&self, now_us: i64, charges: &[Charge]) -> Said {
        let mut set = redis::cmd("SET");
        set.arg(&self.clock).arg(now_us);
        self.live.query::<()>(&set).await.unwrap();
        let wants = Wants {
            charges: &[charges],
            running: &[],
        };
        self.live.admit(wants, "test", &[]).await.unwrap()
    }
}

proptest! {
    // A seed that failed for want of a Redis is nothing to keep.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Call by call the script says what the sum of one process says, to the nanosecond.
    #[test]
    fn the_script_does_what_one_process_does(
        rules in proptest::collection::vec((1u32..50, 1u32..20), 0..4),
        tokens in 1u32..100_000,
        steps in proptest::collection::vec((0i64..400_000, 0u32..50_000), 1..80),
    ) {
        Runtime::new().unwrap().block_on(async {
            let stopped = Stopped::new().await;
            let names = MacKey::generate();
            let (shared, _link) = Shared::new(names, place(), connector(), Metrics::new());
            let limiter = Limiter::new(Some(shared));
            let charge = |scope: Scope, rule| Charge {
                bucket: limiter.bucket(Place::of(scope, [scope as u8; 16])),
                rule,
                cost: 1,
            };
            let scopes = [Scope::Token, Scope::Subject, Scope::Application];
            let mut charges: Vec<_> = rules.iter().zip(scopes)
                .map(|((count, burst), scope)| charge(scope, rate(*count, Per::Second, *burst)))
                .collect();
            charges.push(charge(Scope::Key, Rule::tokens_per_minute(tokens)));
            let mut now_us = 1_795_280_400_000_000;
            for (gap, cost) in steps {
                now_us += gap;
                charges.last_mut().unwrap().cost = cost;
                let there = stopped.admit_at(now_us, &charges).await;
                let now_ns = now_us * 1_000;
                let here = match take_at(now_ns, &[&charges], 1) {
                    Verdict::All => Said {
                        refused: 0,
                        wait_ns: 0,
                        owed_ns: charges.iter().map(|charge| charge.owed_at(now_ns)).collect(),
                    },
                    Verdict::Refused { charge, reset, .. } => Said {
                        refused: charge + 1,
                        wait_ns: i64::try_from(reset.as_nanos()).unwrap(),
                        owed_ns: Vec::new(),
                    },
                };
                prop_assert_eq!(there, here);
            }
            Ok(())
        })?;
    }
}
