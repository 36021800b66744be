//! Memory that held a secret is wiped before it is given back, and the hot path allocates nothing.
//! Both are seen by an allocator that looks at every block on its way out.

#![expect(
    unsafe_code,
    reason = "an allocator can only be written with it; tests alone use this"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use keystead_vault::{
    Canonical, Context, Kind, MacKey, Opener, OpenerKind, Pepper, ProviderKey, SealingKey, Token,
    TokenKind, token_hash,
};
use zeroize::Zeroizing;

#[test]
fn the_search_sees_what_is_not_wiped() {
    // The positive control: without it, an allocator that looks at nothing would pass all below.
    assert_eq!(unwiped(|| drop(canary().to_vec())), 1);
}

#[test]
fn a_provider_key_is_wiped() {
    assert_eq!(
        unwiped(|| drop(ProviderKey::new(Zeroizing::new(canary_text())))),
        0
    );
}

#[test]
fn keys_are_wiped() {
    let bytes = || Zeroizing::new(canary());
    assert_eq!(unwiped(|| drop(SealingKey::from_bytes(bytes()))), 0);
    assert_eq!(
        unwiped(|| drop(SealingKey::from_opened(&canary()).unwrap())),
        0
    );
    assert_eq!(unwiped(|| drop(MacKey::from_bytes(bytes()))), 0);
    assert_eq!(unwiped(|| drop(Pepper::from_bytes(bytes()))), 0);
}

#[test]
fn using_a_key_leaves_no_copy_of_it() {
    let bytes = || Zeroizing::new(canary());
    let left = unwiped(|| {
        let key = SealingKey::from_bytes(bytes());
        let record = key.seal(&CONTEXT, b"secret");
        drop(key.open(&CONTEXT, &record).unwrap());
        let _ = MacKey::from_bytes(bytes()).tag(&Canonical::new("row"));
        let _ = Pepper::from_bytes(bytes()).subject("host", "", "1");
    });
    assert_eq!(left, 0);
}

#[test]
fn sealing_and_opening_leave_no_plaintext() {
    let key = SealingKey::generate();
    let left = unwiped(|| {
        let record = key.seal(&CONTEXT, &canary());
        drop(key.open(&CONTEXT, &record).unwrap());
    });
    assert_eq!(left, 0);
}

#[test]
fn wrapping_and_unwrapping_leave_no_key() {
    let key = SealingKey::generate();
    let left = unwiped(|| {
        let record = key.wrap(&CONTEXT, &SealingKey::from_bytes(Zeroizing::new(canary())));
        drop(key.unwrap(&CONTEXT, &record).unwrap());
    });
    assert_eq!(left, 0);
}

#[test]
fn a_refused_record_leaves_no_plaintext() {
    let key = SealingKey::generate();
    let record = key.seal(&CONTEXT, &canary());
    let other = Context {
        version: 2,
        ..CONTEXT
    };
    assert_eq!(unwiped(|| assert!(key.open(&other, &record).is_err())), 0);
}

#[test]
fn a_token_is_wiped_however_it_came() {
    // The searched-for bytes are the beginning of a token here: all there is to choose.
    let left = unwiped_of(*b"kst1_", || {
        let token = Token::generate(TokenKind::Access);
        drop(Token::parse(token.expose()).unwrap());
        let _ = token.lookup();
    });
    assert_eq!(left, 0);
}

#[test]
fn looking_a_token_up_allocates_nothing() {
    let token = Token::generate(TokenKind::Access);
    let mistyped = token.expose().to_lowercase();
    let before = allocations();
    let found = token_hash(token.expose());
    let refused = [
        token_hash(&mistyped),
        token_hash("sk-proj-1"),
        token_hash(""),
    ];
    let after = allocations();

    assert_eq!(found, Some((TokenKind::Access, token.lookup())));
    assert_eq!(refused, [None; 3]);
    assert_eq!(after - before, 0);
}

/// How many blocks this thread gave back with the canary in them while `work` ran.
fn unwiped(work: impl FnOnce()) -> usize {
    unwiped_of(*b"canary-4f1d-8a07", work)
}

fn unwiped_of<const N: usize>(needle: [u8; N], work: impl FnOnce()) -> usize {
    // Made on the stack: a searched-for text on the heap would be found itself.
    SEARCH.with(|search| {
        let mut wanted = [0; 16];
        wanted[..N].copy_from_slice(&needle);
        search.set(Some((wanted, N)));
    });
    let before = FOUND.with(Cell::get);
    work();
    SEARCH.with(|search| search.set(None));
    FOUND.with(Cell::get) - before
}

fn canary() -> [u8; 32] {
    *b"canary-4f1d-8a07-canary-4f1d-8a0"
}

fn canary_text() -> String {
    "canary-4f1d-8a07-canary-4f1d-8a0".to_owned()
}

fn allocations() -> usize {
    ALLOCATIONS.with(Cell::get)
}

thread_local! {
    static SEARCH: Cell<Option<([u8; 16], usize)>> = const { Cell::new(None) };
    static FOUND: Cell<usize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Searching;

// SAFETY: each call goes to the system's allocator as it came; a block is only read, and only
// while it is still allocated. `alloc` zeroes, so that all of a block may be read.
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps `GlobalAlloc`'s contract, which is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some((wanted, length)) = SEARCH.with(Cell::get) {
            // SAFETY: the block is `layout.size()` bytes long, initialised, and nobody else's.
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            if bytes
                .windows(length)
                .any(|window| window == &wanted[..length])
            {
                FOUND.with(|count| count.set(count.get() + 1));
            }
        }
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
    // `realloc` stays the default: allocate, copy, give back through `dealloc`, so that a growing
    // buffer's old block is searched as well.
}

#[global_allocator]
static ALLOCATOR: Searching = Searching;

const CONTEXT: Context<'static> = Context {
    kind: Kind::ProviderKey,
    opener: Opener {
        kind: OpenerKind::Data,
        id: [7; 16],
    },
    parent: "",
    owner: "",
    application: "",
    provider: "",
    scheme: "",
    host: "",
    port: 0,
    path_prefix: "",
    object: "",
    version: 1,
};
