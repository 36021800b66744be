//! Limits that two processes share through a Redis: one rate, not two; and a Redis that is away
//! takes nothing along but the sharing.

use std::time::{Duration, Instant};

use crate::harness::provider::services::{chat, chat_stream};
use crate::harness::server::get;
use crate::harness::{
    Keystead, Live, Redis, Reply, Scene, Step, Store, eventually, planted, within,
};

const CHAT: &str = "POST /v1/chat/completions";

/// How soon it is known that a Redis is back.
const BACK: Duration = Duration::from_secs(5);

/// Calls that run at once in each process. Many more, and an unoptimised build on two cores keeps
/// them waiting for longer than they wait for Redis.
const AT_ONCE: usize = 5;

/// No rule but the one that a test is about stands in the way.
const WIDE: &str = "\"5000/s\"";

/// A scene on the first of two processes with the same settings, and the second process.
async fn two_processes(redis: &Redis, settings: &[(&str, &str)]) -> (Scene, Keystead) {
    let mut ks = Keystead::prepare(Store::Postgres);
    let file = ks.place().allow("redis-url");
    std::fs::write(&file, redis.url()).unwrap();
    let file = format!("\"{}\"", file.display());
    let mut all = vec![("limits.shared_url_file", file.as_str())];
    for rule in ["token", "subject", "addon", "application", "key", "address"] {
        let name = format!("limits.default.{rule}");
        if !settings.iter().any(|(own, _)| *own == name) {
            all.push((name.leak(), WIDE));
        }
    }
    all.extend(settings);
    for (name, value) in &all {
        ks = ks.set(name, value);
    }
    let scene = Scene::within(ks.start().await, "openai").await;
    let other = scene.ks.beside_with(&all).await;
    for ks in [&scene.ks, &other] {
        eventually("the processes know of each other", BACK, async || {
            ks.metric("keystead_shared_limits_processes") == 2.0
        })
        .await;
        is_shared(ks, true).await;
    }
    (scene, other)
}

async fn is_shared(ks: &Keystead, are_shared: bool) {
    let wanted = f64::from(u8::from(are_shared));
    eventually("limits are shared, or not", BACK, async || {
        ks.metric("keystead_shared_limits") == wanted
    })
    .await;
    let ready = get(ks.management(), "/readyz").unwrap();
    assert!(ready.contains(" 200 "), "{ready}");
}

/// How often the log says so.
fn said(ks: &Keystead, text: &str) -> usize {
    let log = ks.log();
    log.iter()
        .filter(|line| line.to_string().contains(text))
        .count()
}

/// A call of the scene's end user to one of the processes.
async fn call(scene: &Scene, ks: &Keystead) -> Reply {
    ks.client().send(scene.chat()).await
}

/// So many calls to each process, some at once; how many passed.
async fn hammer(scene: &Scene, processes: [&Keystead; 2], calls: usize) -> [usize; 2] {
    let mut running = Vec::new();
    for (which, ks) in processes.into_iter().enumerate() {
        for _ in 0..AT_ONCE {
            let asks: Vec<_> = (0..calls / AT_ONCE).map(|_| scene.chat()).collect();
            let client = ks.client();
            let one_by_one = async move {
                let mut passed = 0;
                for ask in asks {
                    let reply = client.send(ask).await;
                    match reply.status {
                        200 => passed += 1,
                        _ => drop(reply.refused(429, "rate_limited")),
                    }
                }
                passed
            };
            running.push((which, tokio::spawn(one_by_one)));
        }
    }
    let mut passed = [0; 2];
    for (which, one) in running {
        passed[which] += one.await.unwrap();
    }
    passed
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_let_one_rate_through() {
    let redis = Redis::start();
    let rule = ("limits.default.addon", "\"1/h burst 100\"");
    let (scene, other) = two_processes(&redis, &[rule]).await;

    let passed = hammer(&scene, [&scene.ks, &other], 150).await;

    assert_eq!(passed.iter().sum::<usize>(), 100, "{passed:?}");
    assert!(passed.iter().all(|passed| *passed > 0), "{passed:?}");
    assert_eq!(scene.ks.provider.openai().asked(CHAT).len(), 100);
    for ks in [&scene.ks, &other] {
        assert_eq!(ks.metric("keystead_shared_limits_fallbacks_total"), 0.0);
    }
}

/// A stream that runs until it is dropped.
async fn held(scene: &Scene, ks: &Keystead) -> Live {
    let mut live = ks.client().open(scene.stream()).await;
    assert_eq!(live.status, 200);
    live.until("held").await;
    live
}

#[tokio::test(flavor = "multi_thread")]
async fn running_calls_are_counted_together_and_come_back_from_a_killed_process() {
    let redis = Redis::start();
    let rule = ("limits.default.key_concurrency", "\"3\"");
    let (scene, other) = two_processes(&redis, &[rule]).await;
    let openai = scene.ks.provider.openai();
    let stream = || chat_stream(&["held"], None).then(Step::Wait(Duration::from_secs(120)));
    openai.on(CHAT, stream());
    let first = held(&scene, &scene.ks).await;
    let second = held(&scene, &other).await;
    let third = held(&scene, &other).await;
    for ks in [&scene.ks, &other] {
        let reply = call(&scene, ks).await;
        assert_eq!(reply.header("retry-after"), Some("1"));
        reply.refused(429, "concurrency_full");
    }

    // One ends in one process, and one may begin in the other.
    drop(second);
    let mut fourth = None;
    eventually("a permit comes over", BACK, async || {
        let live = scene.ks.client().open(scene.stream()).await;
        fourth = Some(live).filter(|live| live.status == 200);
        fourth.is_some()
    })
    .await;
    call(&scene, &other).await.refused(429, "concurrency_full");

    // Longer than a call is believed to run without a word of it: it is spoken of.
    tokio::time::sleep(Duration::from_secs(33)).await;
    call(&scene, &other).await.refused(429, "concurrency_full");
    scene.ks.kill();
    let killed = Instant::now();
    openai.on_each(CHAT, chat);
    let minute = Duration::from_secs(60);
    eventually("the permits come back", minute, async || {
        call(&scene, &other).await.status == 200
    })
    .await;
    assert!(killed.elapsed() > BACK, "nobody said that they had ended");
    openai.on(CHAT, stream());
    let both = (held(&scene, &other).await, held(&scene, &other).await);
    call(&scene, &other).await.refused(429, "concurrency_full");
    drop((first, third, fourth, both));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_holds_nobody_up_and_each_process_holds_its_part() {
    let redis = Redis::start();
    let rule = ("limits.default.addon", "\"1/h burst 100\"");
    let (scene, other) = two_processes(&redis, &[rule]).await;
    // So that keys are open and sessions known.
    for ks in [&scene.ks, &other] {
        call(&scene, ks).await.expect(200);
    }
    redis.freeze();

    let mut took = Vec::new();
    let mut passed = [1, 1];
    for _ in 0..100 {
        for (passed, ks) in passed.iter_mut().zip([&scene.ks, &other]) {
            let began = Instant::now();
            let reply = within(Duration::from_secs(2), "an answer", call(&scene, ks)).await;
            took.push(began.elapsed());
            match reply.status {
                200 => *passed += 1,
                _ => drop(reply.refused(429, "rate_limited")),
            }
        }
    }

    // One call each is charged as one of the shared rate, all others double.
    assert_eq!(passed, [50, 50]);
    took.sort_unstable();
    let (half, most) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!(
        "p50 {half:?}, p99 {most:?}, longest {:?}",
        took[took.len() - 1]
    );
    assert!(half < Duration::from_millis(30), "p50 {half:?}");
    assert!(most < Duration::from_millis(150), "p99 {most:?}");
    for ks in [&scene.ks, &other] {
        is_shared(ks, false).await;
        assert!(ks.metric("keystead_shared_limits_fallbacks_total") >= 49.0);
        assert_eq!(said(ks, "Limits can't be shared"), 1);
    }

    let thawed = Instant::now();
    redis.thaw();
    for ks in [&scene.ks, &other] {
        is_shared(ks, true).await;
        assert_eq!(said(ks, "Limits are shared"), 2);
    }
    println!("shared again after {:?}", thawed.elapsed());
    assert!(thawed.elapsed() < BACK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_is_found_again() {
    let redis = Redis::start();
    let rule = ("limits.default.addon", "\"1/h burst 40\"");
    let (scene, other) = two_processes(&redis, &[rule]).await;
    redis.kill();
    for ks in [&scene.ks, &other] {
        call(&scene, ks).await.expect(200);
        is_shared(ks, false).await;
    }
    let passed = hammer(&scene, [&scene.ks, &other], 40).await;
    assert_eq!(passed, [19, 19], "20 each");
    let doctor = scene.ks.local_command(&["doctor"]).run().await;
    assert!(doctor.stdout.contains("Redis can't be reached"));

    redis.start_again();

    for ks in [&scene.ks, &other] {
        is_shared(ks, true).await;
    }
    // What this process knows it has used is still used; what others used is forgotten.
    let passed = hammer(&scene, [&scene.ks, &other], 40).await;
    assert_eq!(passed, [0, 0]);
    let text = scene.ks.local_command(&["doctor"]).run().await.stdout;
    assert!(text.contains("answers"), "{text}");
}

#[tokio::test]
async fn a_wrong_password_is_said_and_the_limits_hold() {
    let redis = Redis::start();
    let prepared = Keystead::prepare(Store::Sqlite);
    let file = prepared.place().allow("redis-url");
    let wrong = prepared
        .place()
        .plant("redis_password", planted::alphanumeric(32));
    std::fs::write(&file, redis.url_with(&wrong)).unwrap();
    let ks = prepared
        .set("limits.shared_url_file", &format!("\"{}\"", file.display()))
        .set("limits.default.addon", "\"1/h burst 3\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;

    let reason = "Redis refuses the user and password of `limits.shared_url`";
    for _ in 0..3 {
        call(&scene, &scene.ks).await.expect(200);
    }
    call(&scene, &scene.ks).await.refused(429, "rate_limited");
    is_shared(&scene.ks, false).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(said(&scene.ks, reason), 1, "{:?}", scene.ks.log());
    let doctor = scene.ks.local_command(&["doctor"]).run().await;
    assert_eq!(doctor.code, 1);
    assert!(doctor.stdout.contains(reason), "{}", doctor.stdout);

    // With the right one it is found without another start of the other side.
    scene.ks.kill();
    std::fs::write(&file, redis.url()).unwrap();
    scene.ks.start_again().await;
    is_shared(&scene.ks, true).await;
    let doctor = scene.ks.local_command(&["doctor"]).run().await;
    assert!(doctor.stdout.contains("answers"), "{}", doctor.stdout);
}
