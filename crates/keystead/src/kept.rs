//! Things that are found again by their names, each kept for as long as somebody holds it.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Weak},
};

/// The things of one kind that somebody holds.
#[derive(Debug)]
pub struct Kept<K, V> {
    by_name: HashMap<K, Weak<V>>,
    swept_to: usize,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self {
            by_name: HashMap::new(),
            swept_to: 0,
        }
    }
}

impl<K: Eq + Hash, V> Kept<K, V> {
    /// The thing of this name, if it is the same as this one; if not, this one has the name from now
    /// on.
    pub fn find(&mut self, name: K, this: V, is_same: impl FnOnce(&V, &V) -> bool) -> Arc<V> {
        let known = self.by_name.get(&name).and_then(Weak::upgrade);
        if let Some(known) = known.filter(|known| is_same(known, &this)) {
            return known;
        }
        // Half of it at least is new since the last time, so that to look at all costs little each.
        if self.by_name.len() >= 2 * self.swept_to + 64 {
            self.by_name.retain(|_, thing| thing.strong_count() > 0);
            self.swept_to = self.by_name.len();
        }
        let new = Arc::new(this);
        self.by_name.insert(name, Arc::downgrade(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_kept_while_it_is_held_and_while_it_is_the_same() {
        let mut kept = Kept::default();
        let mut find =
            |name: &'static str, text: &'static str| kept.find(name, text, PartialEq::eq);
        let first = find("a", "x");
        assert!(Arc::ptr_eq(&first, &find("a", "x")));
        let changed = find("a", "y");
        assert_eq!((*first, *changed), ("x", "y"));
        assert!(Arc::ptr_eq(&changed, &find("a", "y")));
        assert!(!Arc::ptr_eq(&changed, &find("b", "y")));
        drop((first, changed));
        assert_eq!(kept.by_name["a"].strong_count(), 0);
    }

    #[test]
    fn what_nobody_holds_is_forgotten() {
        let mut kept = Kept::default();
        let held = kept.find(0, (), PartialEq::eq);
        for name in 1..10_000 {
            drop(kept.find(name, (), PartialEq::eq));
        }
        assert!(kept.by_name.len() < 100);
        assert!(Arc::ptr_eq(&held, &kept.find(0, (), PartialEq::eq)));
    }
}
