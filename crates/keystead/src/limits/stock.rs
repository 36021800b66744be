//! Something that the process has only so much of, and that nobody may empty for the others.
//!
//! Whoever takes may have as much as is left to others after it. An application alone gets half of
//! all, the next one half of the rest, and so on: however many take what they can, one that comes new
//! finds some. What an organization's applications have together is three times what is left at most,
//! so three quarters of all; but one thing alone may be as large as what there is. (Switches share
//! their buffers so: Choudhury and Hahne, 1998.)

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use parking_lot::Mutex;

use crate::{
    ids::{ApplicationId, OrganizationId},
    kept::Kept,
};

/// So much of something.
#[derive(Debug)]
pub struct Stock {
    most: i64,
    used: Arc<AtomicI64>,
    sums: Mutex<Sums>,
}

/// Who takes of one stock: an application, and the organization that it belongs to.
#[derive(Debug)]
pub struct Taker {
    /// The application.
    pub application: ApplicationId,
    own: AtomicI64,
    organization: Arc<AtomicI64>,
}

/// What each application and each organization has, as long as somebody counts there.
#[derive(Debug, Default)]
struct Sums {
    applications: Kept<(ApplicationId, OrganizationId), Taker>,
    organizations: Kept<OrganizationId, AtomicI64>,
}

impl Stock {
    /// `most` of it, counted in `used`.
    #[must_use]
    pub fn new(most: u64, used: Arc<AtomicI64>) -> Self {
        Self {
            most: i64::try_from(most).unwrap_or(i64::MAX),
            used,
            sums: Mutex::default(),
        }
    }

    /// Who takes for an application. Found once; to take is then a few additions.
    #[must_use]
    pub fn taker(&self, application: ApplicationId, organization: OrganizationId) -> Arc<Taker> {
        let Sums {
            applications,
            organizations,
        } = &mut *self.sums.lock();
        let taker = Taker {
            application,
            own: AtomicI64::default(),
            organization: organizations.find(organization, AtomicI64::default(), |_, _| true),
        };
        applications.find((application, organization), taker, |_, _| true)
    }

    /// Takes some: all of it, or nothing and `false`. Where nobody is known there is one bound for all.
    #[must_use]
    pub fn take(&self, amount: i64, taker: Option<&Taker>) -> bool {
        self.take_more(0, amount, taker)
    }

    /// Takes some more for one thing that has `had` already. A thing that is all its organization has may
    /// become as large as what there is: a share of a small stock would be too small for anything.
    #[must_use]
    pub fn take_more(&self, had: i64, amount: i64, taker: Option<&Taker>) -> bool {
        let add = |sum: &AtomicI64| sum.fetch_add(amount, Relaxed) + amount;
        let left = self.most - add(&self.used);
        let is_fair = taker.is_none_or(|taker| {
            let (own, together) = (add(&taker.own), add(&taker.organization));
            let is_alone = together == had + amount;
            is_alone || (own <= left && together <= left.saturating_mul(3))
        });
        let is_taken = is_fair && left >= 0;
        if !is_taken {
            self.give_back(amount, taker);
        }
        is_taken
    }

    /// Gives back what was taken.
    pub fn give_back(&self, amount: i64, taker: Option<&Taker>) {
        self.used.fetch_sub(amount, Relaxed);
        if let Some(taker) = taker {
            taker.own.fetch_sub(amount, Relaxed);
            taker.organization.fetch_sub(amount, Relaxed);
        }
    }

    /// How much nobody has.
    #[must_use]
    pub fn left(&self) -> i64 {
        self.most - self.used.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taker(stock: &Stock, application: u8, organization: u8) -> Arc<Taker> {
        let application = ApplicationId::from_bytes([application; 16]);
        let organization = OrganizationId::from_bytes([organization | 0x80; 16]);
        stock.taker(application, organization)
    }

    /// Takes one by one until there is no more to have.
    fn all(stock: &Stock, taker: &Taker) -> usize {
        std::iter::repeat_with(|| stock.take(1, Some(taker)))
            .take_while(|taken| *taken)
            .count()
    }

    #[test]
    fn nobody_empties_it_for_the_others() {
        let used = Arc::<AtomicI64>::default();
        let stock = Stock::new(1_024, used.clone());
        let [one, other, third] = [1, 2, 3].map(|id| taker(&stock, id, 1));
        assert_eq!(all(&stock, &one), 512);
        assert_eq!(all(&stock, &other), 256);
        assert_eq!(
            all(&stock, &third),
            0,
            "three quarters are this organization's"
        );
        let elsewhere = taker(&stock, 4, 2);
        assert_eq!(all(&stock, &elsewhere), 128);

        // The same application again, as another of its tokens finds it.
        assert!(!stock.take(1, Some(&taker(&stock, 1, 1))));
        stock.give_back(512, Some(&one));
        assert_eq!(stock.left(), 1_024 - 256 - 128);
        assert!(stock.take(300, Some(&taker(&stock, 1, 1))));
        assert!(!stock.take(2_000, Some(&elsewhere)), "all of it or nothing");
        assert_eq!(used.load(Relaxed), 256 + 128 + 300);
        assert!(stock.take(stock.left(), None) && !stock.take(1, None));
        assert_eq!(stock.left(), 0);
    }

    #[test]
    fn one_thing_alone_may_be_as_large_as_what_there_is() {
        let stock = Stock::new(1_024, Arc::default());
        let [one, beside] = [1, 2].map(|id| taker(&stock, id, 1));
        assert!(stock.take_more(0, 600, Some(&one)) && stock.take_more(600, 400, Some(&one)));
        assert!(!stock.take_more(1_000, 25, Some(&one)), "there is no more");
        assert!(!stock.take(1, Some(&one)), "the second has its share");
        assert!(!stock.take(24, Some(&beside)), "as has one beside it");
        assert!(stock.take(24, Some(&taker(&stock, 3, 2))));
        stock.give_back(1_000, Some(&one));
        assert_eq!(stock.left(), 1_000);
    }
}
