//! What is held, when it goes out, and what becomes of it otherwise.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::{LocalSet, spawn_local, yield_now},
    time::timeout,
};

use super::*;

/// A connection, and its other side.
async fn connection(outbox: &Rc<Outbox>) -> (HeldSocket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let far = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    far.set_nonblocking(true).unwrap();
    let near = HeldSocket::new(listener.accept().await.unwrap().0, outbox.clone());
    near.hold();
    (near, TcpStream::from_std(far).unwrap())
}

/// Sends until the other side takes no more, and says how much that was.
async fn fill(near: &HeldSocket) -> usize {
    let fill = vec![b'x'; 64 * 1024];
    let stream = &near.0.stream;
    poll_fn(|cx| stream.borrow().poll_write_ready(cx))
        .await
        .unwrap();
    std::iter::from_fn(|| stream.borrow().try_write(&fill).ok()).sum()
}

/// Runs a test beside a courier.
async fn carried<F: Future>(test: impl FnOnce(Rc<Outbox>) -> F) -> F::Output {
    let outbox = Rc::<Outbox>::default();
    let tasks = LocalSet::new();
    let carrying = outbox.clone();
    tasks.spawn_local(async move { carrying.carry().await });
    let test = async {
        yield_now().await;
        assert!(outbox.is_carried());
        test(outbox).await
    };
    timeout(Duration::from_secs(10), tasks.run_until(test))
        .await
        .expect("the test ends")
}

/// What has come by now.
fn come(far: &TcpStream) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 64 * 1024];
    let read = far.try_read(&mut bytes).ok()?;
    bytes.truncate(read);
    Some(bytes)
}

#[tokio::test]
async fn what_is_little_goes_out_when_all_have_run() {
    carried(async |outbox| {
        let (mut one, mut far_one) = connection(&outbox).await;
        let (mut other, mut far_other) = connection(&outbox).await;
        let late = spawn_local(async move {
            other.write_all(b"other").await.unwrap();
            other
        });
        one.write_all(b"one ").await.unwrap();
        one.write_all(b"two").await.unwrap();
        one.flush().await.unwrap();
        assert_eq!((one.sent(), come(&far_one)), (0, None));

        let other = late.await.unwrap();
        let mut heard = [0; 7];
        far_one.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"one two");
        far_other.read_exact(&mut heard[..5]).await.unwrap();
        assert_eq!(&heard[..5], b"other");
        assert_eq!((one.sent(), other.sent()), (7, 5));
        assert!(one.0.held.borrow().as_slice().is_empty());
    })
    .await;
}

#[tokio::test]
async fn of_a_long_round_the_first_do_not_wait_for_the_last() {
    carried(async |outbox| {
        let mut all = Vec::new();
        for _ in 0..=MOST_WAITING {
            all.push(connection(&outbox).await);
        }
        for (near, _) in &mut all {
            near.write_all(b"little").await.unwrap();
        }
        let sent: Vec<_> = all.iter().map(|(near, _)| near.sent()).collect();
        assert!(sent[..MOST_WAITING].iter().all(|sent| *sent == 6));
        assert_eq!(sent[MOST_WAITING], 0);
        yield_now().await;
        assert_eq!(all[MOST_WAITING].0.sent(), 6);
    })
    .await;
}

#[tokio::test]
async fn without_a_courier_nothing_is_held() {
    let (mut near, mut far) = connection(&Rc::default()).await;
    near.write_all(b"now").await.unwrap();
    assert_eq!(near.sent(), 3);
    let mut heard = [0; 3];
    far.read_exact(&mut heard).await.unwrap();
}

#[tokio::test]
async fn what_is_much_goes_out_at_once_behind_what_was_held() {
    carried(async |outbox| {
        let (mut near, mut far) = connection(&outbox).await;
        near.write_all(b"little").await.unwrap();
        let much = vec![b'x'; MOST_HELD];
        near.write_all(&much).await.unwrap();
        assert_eq!(near.sent(), 6 + MOST_HELD as u64);
        let mut heard = vec![0; 6 + MOST_HELD];
        far.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard[..8], b"littlexx");
    })
    .await;
}

/// It takes nothing for a while: who writes waits, and then all of it comes, in order.
#[tokio::test]
async fn who_reads_nothing_is_waited_for() {
    carried(async |outbox| {
        let (mut near, mut far) = connection(&outbox).await;
        let mut written = Vec::new();
        let mut count = 0_u32;
        let full = loop {
            let piece = count.to_be_bytes().repeat(200);
            let writing = timeout(Duration::from_millis(200), near.write_all(&piece));
            if writing.await.is_err() {
                break count;
            }
            written.extend(piece);
            count += 1;
            yield_now().await;
        };
        assert!(full > 10);
        let reading = spawn_local(async move {
            let mut heard = Vec::new();
            far.read_to_end(&mut heard).await.unwrap();
            heard
        });
        near.shutdown().await.unwrap();
        let heard = reading.await.unwrap();
        // Of the piece that was waited for a part may have been taken.
        assert!(heard.len() >= written.len());
        assert_eq!(heard[..written.len()], written);
    })
    .await;
}

/// It was sent early, for it was much, and is still in the list when the list is full.
#[tokio::test]
async fn who_is_listed_from_before_loses_nothing() {
    carried(async |outbox| {
        let mut all = Vec::new();
        for _ in 0..MOST_WAITING {
            all.push(connection(&outbox).await);
        }
        let much = vec![b'x'; MOST_HELD];
        let (mut near, mut far) = all.remove(0);
        near.write_all(b"little").await.unwrap();
        near.write_all(&much).await.unwrap();
        for (other, _) in &mut all {
            other.write_all(b"little").await.unwrap();
        }
        near.write_all(b"the end").await.unwrap();
        assert_eq!(near.sent(), 6 + MOST_HELD as u64);
        near.shutdown().await.unwrap();
        let mut heard = Vec::new();
        far.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard.len(), 6 + MOST_HELD + 7);
        assert!(heard.ends_with(b"xxthe end"));
    })
    .await;
}

#[tokio::test]
async fn until_it_is_told_to_it_holds_nothing() {
    carried(async |outbox| {
        let (mut near, _far) = connection(&outbox).await;
        near.0.holds.set(false);
        near.write_all(b"now").await.unwrap();
        assert_eq!(near.sent(), 3);
    })
    .await;
}

#[tokio::test]
async fn when_nobody_carries_any_more_all_of_it_goes_out() {
    let outbox = Rc::<Outbox>::default();
    let tasks = LocalSet::new();
    let carrying = outbox.clone();
    let courier = tasks.spawn_local(async move { carrying.carry().await });
    let test = async {
        yield_now().await;
        let (mut near, _far) = connection(&outbox).await;
        courier.abort();
        near.write_all(b"the last").await.unwrap();
        assert_eq!(near.sent(), 0);
        assert!(courier.await.unwrap_err().is_cancelled());
        assert_eq!(near.sent(), 8);
        near.write_all(b"now").await.unwrap();
        assert_eq!(near.sent(), 11);
    };
    tasks.run_until(test).await;
}

#[tokio::test]
async fn not_all_is_sent_until_the_other_side_takes_it() {
    carried(async |outbox| {
        let (mut near, _far) = connection(&outbox).await;
        assert!(near.is_all_sent());
        fill(&near).await;
        near.write_all(b"more").await.unwrap();
        assert!(!near.is_all_sent(), "the round is not over");
        yield_now().await;
        assert!(!near.is_all_sent(), "it takes no more");
    })
    .await;
}

/// The round is over, the other side has no room, and whoever wrote is through with it: the task is called
/// again to go on.
#[tokio::test]
async fn what_could_not_go_out_is_sent_by_the_task_that_wrote_it() {
    carried(async |outbox| {
        let (mut near, mut far) = connection(&outbox).await;
        let filled = fill(&near).await;
        let writing = spawn_local(async move {
            near.write_all(b"the end").await.unwrap();
            poll_fn(|cx| match near.sent() {
                7 => Poll::Ready(()),
                _ => {
                    assert!(!matches!(near.poll_held(cx), Poll::Ready(Err(_))));
                    match near.sent() {
                        7 => Poll::Ready(()),
                        _ => Poll::Pending,
                    }
                }
            })
            .await;
            near
        });
        for _ in 0..5 {
            yield_now().await;
        }
        let mut heard = vec![0; filled + 7];
        far.read_exact(&mut heard).await.unwrap();
        assert!(heard.ends_with(b"the end"));
        writing.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_socket_that_is_dropped_sends_no_more() {
    carried(async |outbox| {
        let (mut near, mut far) = connection(&outbox).await;
        near.write_all(b"never").await.unwrap();
        drop(near);
        let mut heard = Vec::new();
        far.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"");
    })
    .await;
}

#[tokio::test]
async fn what_can_not_be_sent_is_told_and_was_not_sent() {
    carried(async |outbox| {
        let (mut near, far) = connection(&outbox).await;
        near.write_all(b"first").await.unwrap();
        yield_now().await;
        // Unread bytes make the end a reset.
        eventually(|| near.sent() == 5).await;
        drop(far);
        eventually(|| near.0.stream.borrow().try_write(b"x").is_err()).await;
        let written = near.write_all(b"second").await;
        yield_now().await;
        yield_now().await;
        let flushed = near.flush().await;
        assert!(written.is_err() || flushed.is_err());
        assert_eq!(near.sent(), 5);
        assert!(near.write_all(b"third").await.is_err());
    })
    .await;
}

async fn eventually(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
